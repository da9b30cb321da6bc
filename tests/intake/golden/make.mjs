// Makes the Parquet files beside it with DuckDB: generated data in every encoding and compression
// that DuckDB writes, and the same data as CSV.
//
//     npm install @duckdb/node-api && node make.mjs FOLDER
import {createRequire} from "node:module";
const {DuckDBInstance} = createRequire(process.cwd() + "/")("@duckdb/node-api");

const folder = process.argv[2];
const connection = await (await DuckDBInstance.create(":memory:")).connect();
const run = (sql) => connection.run(sql);

// hash() is a fixed function of its argument, so the data are the same at every run.
await run(`CREATE TABLE data AS SELECT
    i AS id,
    ((hash(i) % 200)::INTEGER - 100)::TINYINT AS tiny,
    CASE WHEN i % 7 <> 3 THEN (hash(i + 1) % 60000)::INTEGER - 30000 END AS small,
    CASE WHEN i % 11 <> 0 THEN hash(i + 2)::HUGEINT - 9223372036854775808 END::BIGINT AS big,
    (hash(i + 3) % 4000000000)::UINTEGER AS natural,
    CASE WHEN i % 5 <> 2 THEN (hash(i + 4) % 1000003)::DOUBLE / 977 END AS number,
    ((hash(i + 5) % 1000)::FLOAT / 8)::FLOAT AS half,
    CASE WHEN i % 13 <> 1 THEN hash(i + 6) % 2 = 0 END AS truth,
    CASE WHEN i % 3 <> 1 THEN ['red', 'green', 'blue', 'ä"b', 'a,b'][1 + (hash(i + 7) % 5)::INTEGER] END AS color,
    'name ' || hash(i + 8)::VARCHAR AS name,
    DATE '1900-03-01' + (hash(i + 9) % 80000)::INTEGER AS day,
    CASE WHEN i % 4 <> 0 THEN TIME '00:00:01' + to_microseconds((hash(i + 10) % 86000000000)::BIGINT) END AS time,
    TIMESTAMP '2001-02-03 04:05:06' + to_microseconds((hash(i + 11) % 900000000000000)::BIGINT) AS moment,
    ((hash(i + 12) % 2000000)::INTEGER - 1000000)::DECIMAL(9, 0) / 100 AS unused,
    (((hash(i + 13) % 2000000)::INTEGER - 1000000) * 0.01)::DECIMAL(9, 2) AS price,
    CASE WHEN i >= 300 THEN 0.5 END AS late
FROM range(500) t(i)`);
await run(`ALTER TABLE data DROP unused`);
await run(`COPY data TO '${folder}/duckdb.csv' (HEADER, TIMESTAMPFORMAT '%Y-%m-%dT%H:%M:%S.%fZ')`);

const files = [
    ["plain", "COMPRESSION uncompressed, PARQUET_VERSION v1, DICTIONARY_SIZE_LIMIT 0"],
    ["snappy", "COMPRESSION snappy, PARQUET_VERSION v1"],
    ["zstd", "COMPRESSION zstd, PARQUET_VERSION v1, DICTIONARY_SIZE_LIMIT 100000"],
    ["gzip", "COMPRESSION gzip, PARQUET_VERSION v1"],
    ["lz4", "COMPRESSION lz4_raw, PARQUET_VERSION v1"],
    ["deltas", "COMPRESSION zstd, PARQUET_VERSION v2, DICTIONARY_SIZE_LIMIT 0"],
];
for (const [name, options] of files)
    await run(`COPY data TO '${folder}/duckdb.${name}.parquet' (FORMAT parquet, ${options})`);
const groups = "SELECT id, CASE WHEN id % 3 > 0 THEN id / 8 END AS eighth, 'level ' || id % 9 AS level FROM range(5000) t(id)";
await run(`COPY (${groups}) TO '${folder}/duckdb.groups.csv' (HEADER)`);
await run(`COPY (${groups}) TO '${folder}/duckdb.groups.parquet' (FORMAT parquet, ROW_GROUP_SIZE 2048)`);
await run(`COPY (SELECT 1 AS a, [1, 2] AS list) TO '${folder}/duckdb.nested.parquet' (FORMAT parquet)`);
