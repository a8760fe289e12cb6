// What the security scan says of an extension.
import { list, type Schemas } from '../../api/types';

export type Finding = Schemas['ScanFinding'];

/** refusalsOf is what an extension may not do. An API that is older tells nothing. */
export function refusalsOf(findings: readonly Finding[] | null | undefined): Finding[] {
  return list(findings).filter(({ severity }) => severity === 'error');
}

/** costsOf is what a rating comes from: what is worth knowing, and cost it points. */
export function costsOf(findings: readonly Finding[] | null | undefined): Finding[] {
  return list(findings).filter(({ severity }) => severity !== 'error');
}

/** ratingWords is what a rating says. It is as much about how an extension is packed as about what it may do. */
export function ratingWords(rating: number): string {
  if (rating <= 1) return 'It is refused, or loses points for nearly everything';
  if (rating < 4) return 'It loses points for much of how it is packed and what it may do';
  if (rating < 6) return 'It loses points for some of how it is packed and what it may do';
  if (rating < 8) return 'It loses points for little of how it is packed and what it may do';
  return 'It loses no points';
}
