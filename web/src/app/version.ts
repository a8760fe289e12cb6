/** compareVersions is below 0 where a is older than b, 0 where they fit together or one cannot be read. */
export function compareVersions(a: string, b: string): number {
  const left = coreOf(a);
  const right = coreOf(b);
  if (left === undefined || right === undefined) return 0;
  for (let i = 0; i < 3; i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return Math.sign(difference);
  }
  return 0;
}

// What follows - and + names a build of the same contract.
function coreOf(version: string): number[] | undefined {
  const match = /^v?(\d+)\.(\d+)\.(\d+)(?:[-+].*)?$/.exec(version.trim());
  return match?.slice(1).map(Number);
}
