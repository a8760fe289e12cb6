// What an extension may do beyond what every extension may, in plain words. docs/security.md has the list and the rules.
import { words } from '../parts/format';

export interface GrantWords {
  /** For a badge: GPU. */
  short: string;
  /** What it may do: use this machine's GPU. */
  may: string;
  /** What that means for the owner. */
  means: string;
  /** Whether the owner is asked. The GPU comes with what the extension is made for. */
  asked: boolean;
}

const known: Record<string, GrantWords> = {
  gpu: {
    short: 'GPU',
    may: "use this machine's GPU",
    means: 'It shares its memory with everything else that computes on it.',
    asked: false,
  },
  build: {
    short: 'Builds here',
    may: 'build its own image on this machine',
    means: 'The commands of its Dockerfile run while it is built, and fetch from the internet what they like.',
    asked: true,
  },
  'host-gateway': {
    short: 'Reaches the host',
    may: 'reach programs that listen on this machine',
    means: 'Whatever listens here without a password answers it, too: a database, a model server, an admin page.',
    asked: true,
  },
  'lan-bind': {
    short: 'On the network',
    may: 'be reachable from other machines on your network',
    means: 'Whoever is in the same network can open its port. See that it has a password of its own.',
    asked: true,
  },
};

/** grantOf is the words of a grant; one that this page does not know is asked for, and named as it is. */
export function grantOf(grant: string): GrantWords {
  return Object.hasOwn(known, grant)
    ? (known[grant] as GrantWords)
    : { short: words(grant).slice(0, 40), may: `do what the grant ${grant} allows`, means: 'This page is older than the extension and does not know what that allows.', asked: true };
}

/** grantText is what a grant lets an extension do: use this machine's GPU. */
export function grantText(grant: string): string {
  return grantOf(grant).may;
}
