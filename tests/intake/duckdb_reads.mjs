// Whether DuckDB reads the same rows out of two Parquet files. Run in a folder whose node_modules
// has @duckdb/node-api.
import {createRequire} from "node:module";
const {DuckDBInstance} = createRequire(process.cwd() + "/")("@duckdb/node-api");

const [a, b] = process.argv.slice(2).map((path) => `SELECT * FROM read_parquet('${path}')`);
const connection = await (await DuckDBInstance.create(":memory:")).connect();
const rows = async (sql) => (await connection.runAndReadAll(sql)).getRows();
const different = await rows(`(${a} EXCEPT ALL ${b}) UNION ALL (${b} EXCEPT ALL ${a})`);
const [[n]] = await rows(`SELECT count(*) FROM (${a})`);
console.log(`DuckDB: ${n} rows, ${different.length} differ`);
process.exit(different.length === 0 && n > 0 ? 0 : 1);
