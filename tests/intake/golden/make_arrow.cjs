// Makes the Arrow files beside it with polars: generated data in every compression that polars
// writes, and the same data as CSV.
//
//     npm install nodejs-polars && node make_arrow.cjs FOLDER
const {createRequire} = require("node:module");
const pl = createRequire(process.cwd() + "/")("nodejs-polars");
const folder = process.argv[2];

const ids = [...Array(300).keys()];
const base = pl.DataFrame({
    id: ids,
    number: ids.map((i) => (i % 5 === 2 ? null : i / 7)),
    color: ids.map((i) => (i % 3 === 1 ? null : ["red", "green", "a blue that is long"][i % 3])),
    truth: ids.map((i) => (i % 11 === 0 ? null : i % 2 === 0)),
    text: ids.map((i) => (i % 2 ? "t" + i : "a text of more than twelve bytes, " + i)),
});
const column = (name, type) => pl.col("id").cast(type).alias(name);
const table = base.withColumns(
    column("int16", pl.Int16), column("uint32", pl.UInt32),
    pl.col("id").cast(pl.Float32).div(pl.lit(8)).cast(pl.Float32).alias("float32"),
    column("day", pl.Date), column("moment", pl.Datetime("us")),
    pl.col("color").cast(pl.Categorical).alias("category"));
for (const compression of ["uncompressed", "lz4", "zstd"])
    table.writeIPC(`${folder}/polars.${compression}.arrow`, {compression});
table.writeCSV(`${folder}/polars.csv`);
pl.DataFrame({a: [1], list: [[1, 2]]}).writeIPC(`${folder}/polars.nested.arrow`);
