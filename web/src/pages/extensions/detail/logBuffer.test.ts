import { describe, expect, it } from 'vitest';

import { added, Backlog, blockLength, blockSize, blocksOf, empty, lineOf, type LogLine, matching, piecesOf, plain, Seen, textOf } from './logBuffer';

const line = (text: string, time = '2026-01-02T03:04:05Z'): LogLine => ({ time, service: 'hello', container: 'dream-hello', stream: 'stdout', text });
const many = (from: number, n: number) => Array.from({ length: n }, (_, i) => line(`line ${from + i}`));

describe('added', () => {
  it('keeps the newest lines within the limit, and counts the rest', () => {
    let buffer = empty;
    for (let i = 0; i < 25_000; i += 500) buffer = added(buffer, many(i, 500));
    expect(buffer.count).toBe(10_000);
    expect(buffer.dropped).toBe(15_000);
    expect(buffer.blocks[0]?.lines[0]).toMatchObject({ n: 15_000, text: 'line 15000' });
    expect(buffer.blocks.at(-1)?.lines.at(-1)).toMatchObject({ n: 24_999, text: 'line 24999' });
  });

  it('leaves full blocks as they are', () => {
    const one = added(empty, many(0, blockSize + 5));
    const two = added(one, many(blockSize + 5, 10));
    expect(two.blocks[0]).toBe(one.blocks[0]);
    expect(two.blocks[1]?.lines).toHaveLength(15);
    expect(one.blocks[1]?.lines).toHaveLength(5);
  });

  it('has fewer lines in a block where they are long', () => {
    const long = Array.from({ length: 500 }, () => line('x'.repeat(10_000)));
    const buffer = added(added(empty, long.slice(0, 3)), long.slice(3));
    expect(buffer.count).toBe(500);
    expect(Math.max(...buffer.blocks.map(({ lines }) => lines.length))).toBe(Math.ceil(blockLength / 10_000));
    expect(buffer.blocks.flatMap(({ lines }) => lines.map(({ n }) => n))).toEqual(Array.from({ length: 500 }, (_, i) => i));
  });

  it('is the same for nothing', () => expect(added(empty, [])).toBe(empty));
});

it('tells what is sent again from what is new', () => {
  const seen = new Seen(2);
  expect([line('a'), line('b'), line('a'), line('a', '2026-01-02T03:04:06Z')].map((one) => seen.isNew(one))).toEqual([true, true, false, true]);
  expect(seen.isNew(line('a'))).toBe(true); // long ago, and forgotten
});

describe('Backlog', () => {
  const cut = (backlog: Backlog, ...lines: [string, boolean][]) => lines.map(([time, isNew]) => backlog.isCut(line('x', time), isNew));
  const then = Date.parse('2026-01-02T00:00:00Z');
  it('is cut where as many lines came as are sent', () => expect(cut(new Backlog(2, then), ['2026-01-01T00:00:00Z', true], ['2026-01-01T00:00:01Z', true])).toEqual([false, true]));
  it('is whole where what is written meanwhile makes it as many', () => expect(cut(new Backlog(2, then), ['2026-01-01T00:00:00Z', true], ['2026-01-02T00:00:01Z', true])).toEqual([false, false]));
  it('is whole where it goes on from what is here', () => expect(cut(new Backlog(2, then), ['2026-01-01T00:00:00Z', false], ['2026-01-01T00:00:01Z', true])).toEqual([false, false]));
});

describe('lineOf', () => {
  it('shows what would turn the text around', () => expect(lineOf('{"text":"abc\\u202edef","time":"","service":"x"}')?.text).toBe('abc\ufffddef'));
  it.each(['', 'null', '7', '{"text": 7}', '{'])('%j is none', (data) => expect(lineOf(data)).toBeUndefined());
  it('takes a line of a newer API', () => expect(lineOf('{"text":"x","stream":"stdmid","cut":true,"level":"?"}')).toMatchObject({ stream: 'stdmid', text: 'x', cut: true }));
});

it.each([
  ['\u001b[31mred\u001b[0m', 'red'], ['\u001b]0;title\u0007x', 'x'], ['a\tb', 'a\tb'], ['50%\r100%', '50%100%'], ['\u001b[2K\u0000<b>', '<b>'],
])('%j is %j to the eye', (text, want) => expect(plain(text)).toBe(want));

describe('piecesOf', () => {
  it.each<[string, string, string[]]>([
    ['An error, another Error', 'error', ['An ', '[error]', ', another ', '[Error]']],
    ['aaaa', 'aa', ['[aa]', '[aa]']],
    ['nothing', 'x', ['nothing']],
    ['', 'x', ['']],
    ['.*', '.*', ['[.*]']],
    ['İstanbul', 'x', ['İstanbul']],
  ])('%j, %j', (text, wanted, want) => expect(piecesOf(text, wanted).map((piece) => (piece.found ? `[${piece.text}]` : piece.text))).toEqual(want));
});

it('finds lines, and puts them into blocks', () => {
  const buffer = added(empty, many(0, 1_000));
  const found = matching(buffer, 'LINE 9');
  expect(found).toHaveLength(111);
  expect(blocksOf(found).map(({ first, lines }) => [first, lines.length])).toEqual([[9, 100], [989, 11]]);
  expect(matching(buffer, '')).toEqual([]);
});

it('becomes a file', () => expect(textOf(added(empty, [line('ready')]))).toBe('2026-01-02T03:04:05Z hello stdout ready\n'));
