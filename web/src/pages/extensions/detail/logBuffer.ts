// The lines of a log that a page keeps: the newest, in blocks that are drawn and forgotten as a whole.
import { parsed } from '../../../api/plain';

/** LogLine is one line as the API sends it. */
export interface LogLine {
  time: string;
  service: string;
  container: string;
  stream: string;
  text: string;
  cut?: boolean;
}

/** Numbered is a line with its place among all that were read. */
export interface Numbered extends LogLine {
  n: number;
}

/** Block is lines that follow each other. A block that is full never changes again. */
export interface Block {
  first: number;
  lines: readonly Numbered[];
}

export const limit = 10_000;
export const blockSize = 100;
/** blockLength is how many characters fill a block, where its lines are long. */
export const blockLength = 16_384;

/** Buffer is what is kept. It is a value: adding gives another one, which shares what did not change. */
export interface Buffer {
  blocks: readonly Block[];
  count: number;
  /** How many lines were let go to stay within the limit. */
  dropped: number;
  next: number;
}

export const empty: Buffer = { blocks: [], count: 0, dropped: 0, next: 0 };

/** added is a buffer with more lines. Beyond the limit, the oldest blocks go. */
export function added(buffer: Buffer, lines: readonly LogLine[], most = limit): Buffer {
  if (lines.length === 0) return buffer;
  const blocks = [...buffer.blocks];
  let { count, dropped } = buffer;
  const last = blocks.at(-1);
  const open = last !== undefined && !isFull(last.lines.length, sizeOf(last.lines)) ? (blocks.pop()?.lines ?? []) : [];
  blocks.push(...blocksOf([...open, ...lines.map((line, i) => ({ ...line, n: buffer.next + i }))]));
  count += lines.length;
  while (count > most && blocks.length > 1) {
    const gone = blocks.shift()?.lines.length ?? 0;
    count -= gone;
    dropped += gone;
  }
  return { blocks, count, dropped, next: buffer.next + lines.length };
}

/** Backlog tells of the lines that were there when a connection began whether older ones were left out. */
export class Backlog {
  private count = 0;
  private joins = false;

  /** most is how many lines are sent of those that were there until then. */
  constructor(
    private readonly most: number,
    private readonly until: number,
  ) {}

  /** isCut takes the next line, and reports whether there was something before the first that nobody has sent. */
  isCut({ time }: LogLine, isNew: boolean): boolean {
    if (Date.parse(time) > this.until) return false;
    this.count++;
    if (!isNew) this.joins = true; // it goes on where the last connection ended
    return this.count >= this.most && !this.joins;
  }
}

/** Seen remembers the last lines, so that what a stream sends again after an interruption is told apart from what is new. */
export class Seen {
  private readonly keys = new Set<string>();

  constructor(private readonly most = 1_000) {}

  /** isNew reports whether a line was not here yet, and remembers it. */
  isNew(line: LogLine): boolean {
    const key = `${line.time}\n${line.container}\n${line.stream}\n${line.text}`;
    if (this.keys.has(key)) return false;
    this.keys.add(key);
    if (this.keys.size > this.most) this.keys.delete(this.keys.values().next().value ?? '');
    return true;
  }
}

/** lineOf reads a line that the stream sent; undefined for what is none. */
export function lineOf(data: string): LogLine | undefined {
  try {
    const line = parsed(data) as Partial<LogLine> | null;
    if (line === null || typeof line !== 'object' || typeof line.text !== 'string') return undefined;
    return {
      time: String(line.time ?? ''), service: String(line.service ?? ''), container: String(line.container ?? ''), stream: String(line.stream ?? 'stdout'),
      text: plain(line.text), ...(line.cut ? { cut: true } : {}),
    };
  } catch {
    return undefined;
  }
}

// Programs colour what they print for a terminal. Here the marks would only be in the way.
// eslint-disable-next-line no-control-regex
const marks = /\u001b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[@-Z\\-_])/g;

/** plain is a line without the marks for terminals, and without what else cannot be seen. */
export function plain(text: string): string {
  // eslint-disable-next-line no-control-regex
  return text.replaceAll(marks, '').replaceAll(/[\u0000-\u0008\u000b-\u001f\u007f]/g, '');
}

/** Piece is a part of a line: found, or between what was found. */
export interface Piece {
  text: string;
  found: boolean;
}

/** piecesOf cuts a line where it has the words that are looked for, whatever their case. */
export function piecesOf(text: string, wanted: string): Piece[] {
  if (wanted === '') return [{ text, found: false }];
  const pieces: Piece[] = [];
  const lower = text.toLowerCase();
  const low = wanted.toLowerCase();
  // Letters exist whose lower case is longer: then places do not agree, and the line is shown as it is.
  if (lower.length !== text.length) return [{ text, found: false }];
  let from = 0;
  for (let at = lower.indexOf(low); at >= 0; at = lower.indexOf(low, from)) {
    if (at > from) pieces.push({ text: text.slice(from, at), found: false });
    from = at + low.length;
    pieces.push({ text: text.slice(at, from), found: true });
  }
  if (from < text.length || pieces.length === 0) pieces.push({ text: text.slice(from), found: false });
  return pieces;
}

/** matching is the lines that have the words, whatever their case. */
export function matching(buffer: Buffer, wanted: string): Numbered[] {
  const low = wanted.toLowerCase();
  return low === '' ? [] : buffer.blocks.flatMap(({ lines }) => lines.filter(({ text }) => text.toLowerCase().includes(low)));
}

/** blocksOf puts lines into blocks. */
export function blocksOf(lines: readonly Numbered[]): Block[] {
  const blocks: Block[] = [];
  let from = 0;
  let size = 0;
  lines.forEach(({ text }, i) => {
    size += text.length;
    if (!isFull(i + 1 - from, size) && i < lines.length - 1) return;
    const part = lines.slice(from, i + 1);
    blocks.push({ first: part[0]?.n ?? 0, lines: part });
    from = i + 1;
    size = 0;
  });
  return blocks;
}

// A block is drawn as a whole: long lines make it shorter.
function isFull(count: number, size: number): boolean {
  return count >= blockSize || size >= blockLength;
}

function sizeOf(lines: readonly Numbered[]): number {
  return lines.reduce((sum, { text }) => sum + text.length, 0);
}

/** textOf is the log as a file. */
export function textOf(buffer: Buffer): string {
  return buffer.blocks.flatMap(({ lines }) => lines.map(({ time, service, stream, text }) => `${time} ${service} ${stream} ${text}\n`)).join('');
}
