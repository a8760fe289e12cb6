// How figures are written. Sizes are in units of 1024, with the names that people know them by.

const units = ['B', 'KB', 'MB', 'GB', 'TB', 'PB'];

/** bytes writes a size with three digits at most: 1.5 GB, 340 MB. */
export function bytes(count: number | null | undefined): string {
  if (count === null || count === undefined || !Number.isFinite(count) || count < 0) return '–';
  let value = count;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return `${Number(value.toFixed(digits))} ${units[unit]}`;
}

/** megabytes is bytes for the GPUs' figures, which are in MiB. */
export function megabytes(count: number | null | undefined): string {
  return bytes(count === null || count === undefined ? count : count * 1024 * 1024);
}

/** duration writes how long something took: 40 ms, 0.4 s, 12 s, 3 min 5 s, 2 h 10 min, 4 d 3 h. */
export function duration(milliseconds: number): string {
  if (!Number.isFinite(milliseconds)) return '–';
  const seconds = Math.max(0, milliseconds) / 1000;
  if (seconds < 0.0995) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return pair(Math.floor(whole / 60), 'min', whole % 60, 's');
  const minutes = Math.floor(whole / 60);
  if (minutes < 24 * 60) return pair(Math.floor(minutes / 60), 'h', minutes % 60, 'min');
  const hours = Math.floor(minutes / 60);
  return pair(Math.floor(hours / 24), 'd', hours % 24, 'h');
}

function pair(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`;
}

const spans: readonly [Intl.RelativeTimeFormatUnit, number][] = [
  ['year', 31_536_000],
  ['month', 2_592_000],
  ['week', 604_800],
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
];

const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });

/** ago writes a time as it lies from now, both on the API's clock: just now, 5 minutes ago. */
export function ago(time: string, now: number): string {
  const seconds = (Date.parse(time) - now) / 1000;
  if (Number.isNaN(seconds)) return '–';
  // A clock that is set while we look can put what has just happened a little ahead.
  if (Math.abs(seconds) < 45) return 'just now';
  for (const [unit, size] of spans) {
    if (Math.abs(seconds) >= size * 0.95) return relative.format(Math.round(seconds / size), unit);
  }
  return relative.format(Math.round(seconds / 60), 'minute');
}

/** count writes a number with its noun: 1 service, 3 services. */
export function count(n: number, one: string, many = `${one}s`): string {
  return `${n.toLocaleString('en')} ${n === 1 ? one : many}`;
}

/** sentence begins large what was made to stand after a colon: it has no container. A name or a command stays as it is. */
export function sentence(text: string): string {
  return /^(?:an?|are|connection|could|it|its|no|nobody|none|not|nothing|that|the|there|these|this|what|whether)\b/.test(text) ? text.charAt(0).toUpperCase() + text.slice(1) : text;
}

/** words makes a word of the API readable: not_installed is Not installed. */
export function words(name: string): string {
  const text = name.replaceAll(/[_-]+/g, ' ').trim();
  return text === '' ? '–' : text.charAt(0).toUpperCase() + text.slice(1);
}
