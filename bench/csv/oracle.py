#!/usr/bin/env python3
"""Mutated rows against a strict oracle: what Merlon's CSV readers accept, refuse and make of each cell.

    bench/csv/oracle.py BUILD [--rows 1000000] [--seed 1]

Every row starts valid under a schema with all types (bench/csv/read_rows.c) and is damaged in up to three
places. The oracle below shares nothing with the readers: RFC 4180 by a state machine over text, types by
regular expressions, values by Python's int, float and datetime. Each row must be accepted by both with the
same values, to the last bit, or refused by both. Exit code 1 when one is not.
"""
import argparse, collections, datetime, os, random, re, struct, subprocess, sys, threading

TRUE, FALSE = {'true', 'True', 'TRUE', '1'}, {'false', 'False', 'FALSE', '0'}
LEVELS = {'red', 'green', 'a "b"'}
MISSING = {'', 'NA'}
INTEGER = re.compile(r'[+-]?[0-9]+\Z')
NUMBER = re.compile(r'[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\Z')
INFINITE = re.compile(r'([+-]?)inf(inity)?\Z', re.I | re.A)
DATE = re.compile(r'([0-9]{4})-([0-9]{2})-([0-9]{2})\Z')
TIME = re.compile(r'([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]+))?)?\Z')
ZONE = re.compile(r'(.*?)(Z|[+-][0-9]{2}:[0-9]{2})?\Z', re.S)
EPOCH = datetime.date(1970, 1, 1)


class Refused(Exception):
    pass


def records(text):
    """RFC 4180, strictly: LF or CR LF end a record; quotes only around whole cells, doubled inside. A blank line
    is a record without cells."""
    rows, row, at = [], [], 0
    while at < len(text):
        if text[at] == '"':
            cell, at = [], at + 1
            while True:
                end = text.find('"', at)
                if end < 0:
                    raise Refused
                cell.append(text[at:end])
                at = end + 1
                if text[at:at + 1] != '"':
                    break
                cell.append('"')
                at += 1
            cell = ''.join(cell)
        else:
            end = at
            while end < len(text) and text[end] not in ',\r\n"':
                end += 1
            cell, at = text[at:end], end
            if not row and not cell and text[at:at + 1] in '\r\n':
                at += 2 if text[at:at + 2] == '\r\n' else 1
                if text[at - 1] != '\n':
                    raise Refused
                rows.append([])
                continue
        row.append(cell)
        rest = text[at:at + 2]
        if rest[:1] == ',':
            at += 1
            if at == len(text):
                row.append('')
                rows.append(row)
                row = []
        elif rest[:1] == '\n' or rest == '\r\n' or rest == '':
            at += 2 if rest == '\r\n' else 1
            rows.append(row)
            row = []
        else:
            raise Refused
    return rows


def integer(text):
    if not INTEGER.match(text) or not -2**63 <= int(text) < 2**63:
        raise Refused
    return struct.pack('<q', int(text))


def number(text):
    infinite = INFINITE.match(text)
    if infinite:
        return struct.pack('<d', float(infinite.group(1) + 'inf'))
    if not NUMBER.match(text):
        raise Refused
    return struct.pack('<d', float(text))


def days(text):
    match = DATE.match(text)
    try:
        return (datetime.date(*map(int, match.groups())) - EPOCH).days
    except (AttributeError, ValueError):
        raise Refused


def microseconds(text):
    match = TIME.match(text)
    if not match:
        raise Refused
    hour, minute, second = (int(part or 0) for part in match.groups()[:3])
    fraction = (match.group(4) or '').ljust(6, '0')
    if hour > 23 or minute > 59 or second > 59 or fraction[6:].strip('0'):
        raise Refused
    return ((hour * 60 + minute) * 60 + second) * 10**6 + int(fraction[:6])


def moment(text):
    if len(text) < 11 or text[10] not in 'T ':
        raise Refused
    clock, zone = ZONE.match(text[11:]).groups()
    value = days(text[:10]) * 86400 * 10**6 + microseconds(clock)
    if zone and zone != 'Z':
        if int(zone[1:3]) > 23 or int(zone[4:6]) > 59:
            raise Refused
        offset = (int(zone[1:3]) * 60 + int(zone[4:6])) * 60 * 10**6
        value += offset if zone[0] == '-' else -offset
    lowest = (datetime.date(1, 1, 1) - EPOCH).days * 86400 * 10**6
    highest = ((datetime.date(9999, 12, 31) - EPOCH).days + 1) * 86400 * 10**6 - 1
    if not lowest <= value <= highest:
        raise Refused
    return value


def whole(value):
    return struct.pack('<q', value)


def boolean(text):
    if text not in TRUE and text not in FALSE:
        raise Refused
    return whole(text in TRUE)


def string(text):
    encoded = text.encode()
    return struct.pack('<I', len(encoded)) + encoded


def level(text):
    if text not in LEVELS:
        raise Refused
    return string(text)


KINDS = [boolean, integer, number, lambda t: whole(days(t)), lambda t: whole(microseconds(t)),
         lambda t: whole(moment(t)), level, string]


def oracle(data):
    """What the program must print for a table."""
    try:
        text = data.decode('utf-8')
        if '\0' in text:
            raise Refused
        rows = records(text)
        while rows and not rows[-1]:
            rows.pop()
        if not rows:
            raise Refused
        output = [b'\1', struct.pack('<I', len(rows))]
        for row in rows:
            if len(row) != len(KINDS):
                raise Refused
            for cell, kind in zip(row, KINDS):
                output.append(b'\0' if cell in MISSING else b'\1' + kind(cell))
        return b''.join(output)
    except (Refused, UnicodeDecodeError):
        return b'\0'


def valid_cells(rng):
    number = rng.choice(['%d', '%.3f', '%.17g', '%.8g', '%e', '%.25f']) % rng.gauss(0, 10.0**rng.randint(-9, 9))
    text = rng.choice(['plain', '"quoted, with ""marks"""', '"two\nlines"', 'h\u00e9t\u00e9', '', 'NA', '\u6570'])
    day = '%04d-%02d-%02d' % (rng.randint(1, 9999), rng.randint(1, 12), rng.randint(1, 28))
    clock = '%02d:%02d:%02d' % (rng.randint(0, 23), rng.randint(0, 59), rng.randint(0, 59))
    clock += rng.choice(['', '', '.5', '.123456', '.1234560'])
    return [rng.choice(['true', 'False', 'TRUE', '0', '1']), str(rng.randint(-10**rng.randint(1, 18), 10**rng.randint(1, 19))),
            number, day, clock, day + rng.choice('T ') + clock + rng.choice(['', 'Z', '+01:30', '-23:59']),
            rng.choice(['red', 'green', '"a ""b"""', '"red"']), text]


MARKS = ['"', '""', ',', '\n', '\r', '\r\n', '\0', ' ', '\t', '.', '-', '+', 'e', 'E5', 'e400', 'e-400', '0', '00', '9', '5' * 30,
         'nan', 'inf', 'Infinity', '-inf', '0x1p3', '1_0', '\u0661', '\ufeff', '\u00a0', 'NA', 'null', 'T', ':', '2024-02-30',
         '24:00', '\u00e9', "'", '#', '/', '1,5', '9223372036854775807', '9223372036854775808', '-9223372036854775808']
RAW = [b'\xff', b'\xc3', b'\xe2\x82', b'\xed\xa0\x80', b'\xc0\x80', b'\xf4\x90\x80\x80', b'\x80']


def mutated(rng):
    cells = valid_cells(rng)
    if rng.random() < 0.3:
        cells[rng.randrange(len(cells))] = rng.choice(MARKS)
    if rng.random() < 0.05:
        cells.append('1') if rng.random() < 0.5 else cells.pop()
    data = bytearray((','.join(cells) + rng.choice(['\n', '\r\n', ''])).encode())
    for _ in range(rng.choice([0, 0, 1, 1, 2, 3])):
        at = rng.randrange(len(data) + 1)
        what = rng.randrange(6)
        if what == 0 and at < len(data):
            data[at] ^= 1 << rng.randrange(8)
        elif what == 1 and at < len(data):
            del data[at]
        elif what == 2:
            data[at:at] = rng.choice(MARKS).encode()
        elif what == 3:
            data[at:at] = rng.choice(RAW) if rng.random() < 0.3 else bytes([rng.randrange(256)])
        elif what == 4 and at < len(data):
            data[at] = ord(rng.choice('0123456789.,"-+eE:TZ\n'))
        else:
            end = min(len(data), at + rng.randrange(8))
            data[at:at] = data[at:end]
    return bytes(data)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('build')
    parser.add_argument('--rows', type=int, default=1000000)
    parser.add_argument('--seed', type=int, default=1)
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)
    program = subprocess.Popen([os.path.join(arguments.build, 'bench/csv/read_rows')], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE)
    expected = collections.deque()
    counts = collections.Counter()

    def send():
        for _ in range(arguments.rows):
            data = mutated(rng)
            expected.append((data, oracle(data)))
            program.stdin.write(struct.pack('<I', len(data)) + data)
        program.stdin.close()

    sender = threading.Thread(target=send)
    sender.start()
    for _ in range(arguments.rows):
        head = program.stdout.read(1)
        if not head:
            break
        data, answer = expected.popleft()
        if head == b'\0':
            counts['refused' if answer == b'\0' else 'refused wrongly'] += 1
            got = head
        elif answer == b'\0':
            counts['accepted wrongly'] += 1
            print('accepted, and must not be:', data)
            break
        else:
            got = head + program.stdout.read(len(answer) - 1)
            counts['accepted' if got == answer else 'coerced'] += 1
        if got != answer and counts['coerced'] + counts['refused wrongly'] < 10:
            print('differs:', data, answer, got)
    sender.join()
    total = counts['accepted'] + counts['refused']
    print(f'{arguments.rows} rows: {counts["accepted"]} accepted with equal values, {counts["refused"]} refused, '
          f'{arguments.rows - total} otherwise')
    return 0 if total == arguments.rows and program.wait() == 0 else 1


if __name__ == '__main__':
    sys.exit(main())
