import type { Status } from '../../api/types';
import { compareVersions } from '../../app/version';
import type { Finding } from './doctor-findings';

/** Version is one part of Dream Server and what it says of itself. */
export interface Version {
  part: string;
  version: string;
  /** Why it does not fit to the rest, or why it is not known; empty where all is well. */
  problem: string;
}

/** versionsOf lists them; what nobody has told yet is left out. */
export function versionsOf(page: string, status: Status | undefined, checks: readonly Finding[]): Version[] {
  const all: Version[] = [{ part: 'This page', version: page, problem: '' }];
  if (status !== undefined) {
    const order = compareVersions(status.version, page);
    const problem = order === 0 ? '' : order > 0 ? 'newer than this page: reload it' : 'older than this page: something here may not work';
    all.push({ part: 'API', version: status.version, problem });
    const { agent } = status;
    all.push({
      part: 'Host agent',
      version: agent.version ?? 'unknown',
      problem: agent.version_mismatch || (agent.available ? '' : agent.reason || 'it is away'),
    });
  }
  for (const [id, part] of [['docker', 'Docker'], ['compose', 'Docker Compose']] as const) {
    const found = checks.find((check) => check.id === id);
    if (found === undefined) continue;
    const fine = found.severity === 'ok';
    all.push({ part, version: fine ? numberIn(found.title) : 'unknown', problem: fine ? '' : found.title });
  }
  return all;
}

// The doctor says it in a sentence: Docker Engine 29.1.3 answers (API 1.52).
function numberIn(title: string): string {
  return /\d+\.\d+\S*/.exec(title)?.[0] ?? title;
}
