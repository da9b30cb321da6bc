#!/usr/bin/env python3
"""Reads CSV files whole with Merlon, pandas, DuckDB and polars, in turns, and prints medians.

    bench/csv/run.py BUILD [--data FOLDER] [--adult FILE.csv.gz ...] [--runs 5] [--threads 2]
                         [--only NAME] [--ways PART,PART]

BUILD is a build folder (preset release). The files (the Adult table repeated to 300 MB; a million rows of
28 numbers with %.8g and %.17g) are made in FOLDER, or in a temporary one, unless they are there. DuckDB and
polars come from npm into the same folder. Every run is a whole process: start, reading, every cell
converted, a checksum of the first three columns, end. Both the time on the clock and the processor time (of all
threads and children) are told: on a machine that does other things too, the second says more.
"""
import argparse, gzip, os, resource, statistics, subprocess, sys, tempfile, time

HERE = os.path.dirname(os.path.abspath(__file__))

PANDAS = """
import sys, pandas as pd
options = {'float_precision': sys.argv[2]} if len(sys.argv) > 2 else {}
table = pd.read_csv(sys.argv[1], **options)
sums = [table[c].sum() if table[c].dtype != object else table[c].str.len().sum() for c in table.columns[:3]]
print(len(table), *['%.10g' % s for s in sums])
"""
# The sums of the first three columns only: pandas takes as long for the lengths of texts as for reading.

DUCKDB = """
import { DuckDBInstance } from '@duckdb/node-api';
const [path, threads] = process.argv.slice(2);
const instance = await DuckDBInstance.create(':memory:', { threads });
const connection = await instance.connect();
await connection.run(`create table t as select * from read_csv('${path}')`);
const columns = (await connection.runAndReadAll('describe t')).getRows().slice(0, 3);
const sums = columns.map(([name, type]) => type === 'VARCHAR' ? `sum(length("${name}"))` : `sum("${name}")`);
const rows = (await connection.runAndReadAll(`select count(*), ${sums.join(', ')} from t`)).getRows();
console.log(rows[0].join(' '));
"""

POLARS = """
import pl from 'nodejs-polars';
const table = pl.readCSV(process.argv[2], { inferSchemaLength: 10000 });
const sums = table.columns.slice(0, 3).map((name) => {
    const column = table.getColumn(name);
    return /Utf8|String/.test(column.dtype.toString()) ? column.str.lengths().sum() : column.sum();
});
console.log(table.height, sums.join(' '));
"""


def make_files(folder, build, adult):
    paths = {name: os.path.join(folder, name + '.csv') for name in ('adult300', 'synth8', 'synth17')}
    for name, digits in (('synth8', '8'), ('synth17', '17')):
        if not os.path.exists(paths[name]):
            with open(paths[name], 'wb') as file:
                subprocess.run([os.path.join(build, 'bench/csv/make_numbers'), '1000000', '28', digits, '7'],
                               stdout=file, check=True)
    if not os.path.exists(paths['adult300']):
        parts = [gzip.open(path, 'rb').read() for path in adult]
        if not parts:
            del paths['adult300']
            return paths
        header = parts[0].split(b'\n', 1)[0] + b'\n'
        body = b''.join(part.split(b'\n', 1)[1] for part in parts)
        with open(paths['adult300'], 'wb') as file:
            file.write(header)
            for _ in range(300_000_000 // len(body) + 1):
                file.write(body)
    return paths


def make_peers(folder):
    if not os.path.exists(os.path.join(folder, 'node_modules')):
        subprocess.run(['npm', 'install', '--no-save', '@duckdb/node-api', 'nodejs-polars',
                        'nodejs-polars-linux-x64-gnu'], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    for name, text in (('duckdb.mjs', DUCKDB), ('polars.mjs', POLARS), ('read_pandas.py', PANDAS)):
        with open(os.path.join(folder, name), 'w') as file:
            file.write(text)


def ways(folder, build, threads, path):
    bench = os.path.join(build, 'bench/csv/bench_csv')
    at = lambda name: os.path.join(folder, name)
    return {
        f'merlon, in a cell ({threads} threads)': [bench, path, 'cell', str(threads)],
        'merlon, in a cell (1 thread)': [bench, path, 'cell', '1'],
        f'merlon, in a cell and hashed ({threads} threads)': [bench, path, 'fit', str(threads)],
        f'merlon, in the process ({threads} threads)': [bench, path, 'here', str(threads)],
        'merlon, in the process (1 thread)': [bench, path, 'here', '1'],
        'pandas': ['/usr/bin/python3', at('read_pandas.py'), path],
        'pandas, round_trip': ['/usr/bin/python3', at('read_pandas.py'), path, 'round_trip'],
        'duckdb': ['node', at('duckdb.mjs'), path, str(threads)],
        'polars': ['node', at('polars.mjs'), path],
    }


def run(command, threads):
    environment = {'PATH': os.environ['PATH'], 'HOME': os.environ.get('HOME', '/'),
                   'POLARS_MAX_THREADS': str(threads)}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.monotonic()
    output = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
    wall = time.monotonic() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, cpu, output.strip()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('build')
    parser.add_argument('--data')
    parser.add_argument('--adult', nargs='*', default=[])
    parser.add_argument('--runs', type=int, default=5)
    parser.add_argument('--threads', type=int, default=2)
    parser.add_argument('--only', help='one file')
    parser.add_argument('--ways', help='only ways whose names have this in them, by commas, and pandas')
    arguments = parser.parse_args()
    folder = arguments.data or tempfile.mkdtemp(prefix='bench-csv-')
    os.makedirs(folder, exist_ok=True)
    build = os.path.abspath(arguments.build)
    files = make_files(folder, build, arguments.adult)
    make_peers(folder)
    for name, path in files.items():
        if arguments.only and arguments.only != name:
            continue
        commands = ways(folder, build, arguments.threads, path)
        if arguments.ways:
            wanted = arguments.ways.split(',') + ['pandas']
            commands = {way: command for way, command in commands.items()
                        if any(part == way if part == 'pandas' else part in way for part in wanted)}
        results = {way: [] for way in commands}
        for _ in range(arguments.runs):
            for way, command in commands.items():
                results[way].append(run(command, arguments.threads))
        megabytes = os.path.getsize(path) / 1e6
        base_wall = statistics.median(r[0] for r in results['pandas'])
        base_cpu = statistics.median(r[1] for r in results['pandas'])
        print(f'{name}: {megabytes:.0f} MB, medians of {arguments.runs}')
        for way, times in results.items():
            wall = statistics.median(t[0] for t in times)
            cpu = statistics.median(t[1] for t in times)
            print(f'  {way:42} {wall:7.3f} s {megabytes / wall:6.0f} MB/s {base_wall / wall:5.1f} x pandas;'
                  f' processor {cpu:6.2f} s ({base_cpu / cpu:4.1f} x)')
            print(f'    {times[0][2][:110]}')
        sys.stdout.flush()


if __name__ == '__main__':
    main()
