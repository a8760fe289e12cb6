// Times of the API are compared with the API's clock, not with this machine's: the two can be hours apart.

let offset = 0;

// A Date header has whole seconds, and took its time to come: what is nearer than that is the same time.
const precision = 2_000;

/** noteServerTime learns from the Date header of a reply. */
export function noteServerTime(date: string | null, now = Date.now()): void {
  const server = date === null ? NaN : Date.parse(date);
  if (Number.isNaN(server)) return;
  const measured = server - now;
  if (Math.abs(measured - offset) > precision) offset = Math.abs(measured) > precision ? measured : 0;
}

/** serverNow is the time on the API's clock, in milliseconds since 1970. */
export function serverNow(now = Date.now()): number {
  return now + offset;
}

/** clockSkew is by how many milliseconds the API's clock is ahead of this machine's. */
export function clockSkew(): number {
  return offset;
}
