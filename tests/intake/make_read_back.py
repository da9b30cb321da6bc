#!/usr/bin/env python3
"""Writes workbooks and databases with other programs (openpyxl, pandas, SQLite), reads them back with
pandas, and writes down beside each, in NAME.txt, what pandas found, in the words of reading_show().

    make_read_back.py FOLDER SEED
"""
import datetime
import random
import sqlite3
import sys

import openpyxl
import pandas

EPOCH = datetime.datetime(1970, 1, 1)


def number(value):
    text = repr(float(value))
    return text[:-2] if text.endswith(".0") else text


def microseconds(delta):
    return delta // datetime.timedelta(microseconds=1)


def show_value(kind, value):
    if kind == "boolean":
        return "true" if value else "false"
    if kind == "integer":
        return str(int(value))
    if kind == "number":
        return number(value)
    if kind == "time":
        if isinstance(value, str):
            value = datetime.time.fromisoformat(value)
        return str(microseconds(datetime.datetime.combine(EPOCH.date(), value) - EPOCH))
    if isinstance(value, str):
        value = datetime.datetime.fromisoformat(value)
    since = pandas.Timestamp(value).to_pydatetime() - EPOCH
    return str(since.days if kind == "date" else microseconds(since))


def show(kinds, frame):
    lines = []
    for (name, kind), (column, values) in zip(kinds.items(), frame.items()):
        assert name == column
        present = [v for v in values if not pandas.isna(v)]
        cells = []
        levels = list(dict.fromkeys(present)) if kind == "categorical" else []
        for value in values:
            if pandas.isna(value):
                cells.append(".")
            elif kind == "categorical":
                cells.append(str(levels.index(value)))
            elif kind == "text":
                cells.append(value)
            else:
                cells.append(show_value(kind, value))
        braces = "{" + ",".join(levels) + "}" if kind == "categorical" else ""
        lines.append("%s %s%s: %s\n" % (name, kind, braces, "|".join(cells)))
    return "".join(lines)


def make_rows(rng, n):
    kinds = {"whole": "integer", "real": "number", "word": "categorical", "long": "text",
             "flag": "boolean", "day": "date", "moment": "datetime", "hour": "time"}
    words = ["red", "smith & <son>", "z\u00f6lf \U0001d11e", "007", "a \"b\", c", " x ", "two\nlines"]
    rows = []
    for i in range(n):
        second = rng.randrange(86400)
        row = [rng.choice([0, -1, 2**53, rng.randrange(-10**9, 10**9)]),
               rng.choice([0.1, 1 / 3, rng.uniform(-1e6, 1e6), round(rng.uniform(0, 100), 2)]),
               rng.choice(words), "text %d of %d" % (i, rng.randrange(1000)), rng.random() < 0.5,
               datetime.date(1900, 3, 1) + datetime.timedelta(days=rng.randrange(80000)),
               datetime.datetime(1950, 1, 1) + datetime.timedelta(seconds=rng.randrange(4 * 10**9)),
               datetime.time(second // 3600, second // 60 % 60, second % 60)]
        rows.append([None if i > 0 and rng.random() < 0.1 else value for value in row])
    rows[-1][0] = 1  # the last row holds something
    return kinds, rows


def put(folder, name, text):
    with open("%s/%s.txt" % (folder, name), "w", encoding="utf-8", newline="") as file:
        file.write(text)


def make_openpyxl(folder, name, rng, is_1904=False):
    kinds, rows = make_rows(rng, 90)
    book = openpyxl.Workbook()
    if is_1904:
        book.epoch = openpyxl.utils.datetime.CALENDAR_MAC_1904
        for row in rows:
            for i in (5, 6):
                if row[i] and row[i].year < 1905:
                    row[i] = row[i].replace(year=1950, day=1)
    sheet = book.active
    sheet.append(list(kinds))
    for row in rows:
        sheet.append(row)
    path = "%s/%s" % (folder, name)
    book.save(path)
    put(folder, name, show(kinds, pandas.read_excel(path, dtype=object)))


def make_pandas(folder, name, rng):
    kinds, rows = make_rows(rng, 90)
    del kinds["hour"]
    frame = pandas.DataFrame([row[:-1] for row in rows], columns=list(kinds))
    path = "%s/%s" % (folder, name)
    with pandas.ExcelWriter(path, engine="openpyxl") as writer:
        frame.to_excel(writer, sheet_name="First", index=False)
        frame.head(3).to_excel(writer, sheet_name="Second", index=False)
    put(folder, name, show(kinds, pandas.read_excel(path, dtype=object)))


def make_sqlite(folder, name, rng, settings):
    kinds, rows = make_rows(rng, 90)
    path = "%s/%s" % (folder, name)
    connection = sqlite3.connect(path)
    connection.executescript(settings)
    connection.execute("CREATE TABLE t(whole INTEGER, real REAL, word TEXT, long VARCHAR(80), "
                       "flag BOOLEAN, day DATE, moment TIMESTAMP, hour TIME)")
    for row in rows:
        connection.execute("INSERT INTO t VALUES(?, ?, ?, ?, ?, ?, ?, ?)",
                           [v if v is None or isinstance(v, (int, float, str)) else str(v)
                            for v in row])
    connection.commit()
    put(folder, name, show(kinds, pandas.read_sql("SELECT * FROM t", connection)))
    connection.close()


def main():
    folder, rng = sys.argv[1], random.Random(int(sys.argv[2]))
    make_openpyxl(folder, "openpyxl.xlsx", rng)
    make_openpyxl(folder, "openpyxl_1904.xlsx", rng, is_1904=True)
    make_pandas(folder, "pandas.xlsx", rng)
    make_sqlite(folder, "plain.sqlite", rng, "PRAGMA page_size = 1024")
    make_sqlite(folder, "utf16.sqlite", rng, "PRAGMA page_size = 1024; PRAGMA encoding = 'UTF-16'")
    make_sqlite(folder, "wal.sqlite", rng, "PRAGMA page_size = 1024; PRAGMA journal_mode = WAL")


main()
