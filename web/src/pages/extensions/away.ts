import { Problem } from '../../api/problem';

/** isAway reports whether an answer lacks because the host agent is away. The banner says why, and what to do. */
export function isAway(error: unknown): boolean {
  return error instanceof Problem && error.code.startsWith('agent_');
}
