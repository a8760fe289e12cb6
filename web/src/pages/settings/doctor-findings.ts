import type { Schemas } from '../../api/types';
import type { Tone } from '../../parts/status';
import { words } from '../../parts/format';

export type Finding = Schemas['Finding'];

/** Findings are the doctor's, by what is to be done with them. */
export interface Findings {
  /** What is wrong, the worst first; severities that this build does not know are among them. */
  wrong: Finding[];
  skipped: Finding[];
  fine: Finding[];
}

/** grouped keeps the order of the API within each severity. */
export function grouped(checks: readonly Finding[]): Findings {
  const of = (severity: string) => checks.filter((check) => check.severity === severity);
  const other = checks.filter(({ severity }) => !known.includes(severity));
  return { wrong: [...of('error'), ...of('warning'), ...other], skipped: of('skipped'), fine: of('ok') };
}

const known: readonly string[] = ['error', 'warning', 'skipped', 'ok'];

/** severityOf is how a severity is shown. */
export function severityOf(severity: string): { tone: Tone; label: string } {
  switch (severity) {
    case 'error':
      return { tone: 'bad', label: 'Error' };
    case 'warning':
      return { tone: 'warn', label: 'Warning' };
    case 'ok':
      return { tone: 'good', label: 'Fine' };
    default:
      return { tone: 'neutral', label: words(severity).slice(0, 40) };
  }
}

/** whereToLook are the different fixes of what was skipped: mostly one, the command that sees more. */
export function whereToLook(skipped: readonly Finding[]): string[] {
  return [...new Set(skipped.map(({ fix }) => fix ?? '').filter((fix) => fix !== ''))];
}
