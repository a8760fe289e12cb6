// What operations are called.
import type { Operation, Stage } from '../api/types';
import { words } from '../parts/format';

const kinds: Record<string, readonly [string, string]> = {
  install: ['Install', 'Installing'],
  enable: ['Enable', 'Enabling'],
  disable: ['Disable', 'Disabling'],
  uninstall: ['Uninstall', 'Uninstalling'],
  start: ['Start', 'Starting'],
  stop: ['Stop', 'Stopping'],
  restart: ['Restart', 'Restarting'],
  configure: ['Configure', 'Configuring'],
};

/** kindOf is the verb of an operation: Install. */
export function kindOf(kind: string): string {
  return kinds[kind]?.[0] ?? words(kind);
}

/** doing says what is being done: Installing hello. */
export function doing({ kind, extension }: Operation): string {
  const verb = kinds[kind]?.[1];
  return verb === undefined ? `${words(kind)} ${extension}` : `${verb} ${extension}`;
}

const stages: Record<string, string> = {
  configure: 'Write the configuration',
  check: 'Check what it asks for',
  dependencies: 'Enable what it needs',
  copy: 'Copy its files',
  enable: 'Switch it on',
  disable: 'Switch it off',
  pull: 'Fetch images',
  build: 'Build its image',
  create: 'Create containers',
  wait: 'Wait until it is healthy',
  stop: 'Stop containers',
  remove: 'Remove its files',
  undo: 'Undo',
};

/** stageOf is what a stage does. */
export function stageOf(name: string): string {
  return stages[name] ?? words(name);
}

/** stageAt is what one of an operation's stages does. What is asked for is checked first; the host agent checks again, before it starts anything. */
export function stageAt({ stages }: Pick<Operation, 'stages'>, i: number): string {
  const name = stages?.[i]?.name;
  if (name === undefined) return '';
  return name === 'check' && stages?.slice(0, i).some((before) => before.name === name) ? 'Check ports and policies' : stageOf(name);
}

/** current is the stage that goes on; undefined before the first, and after the end. */
export function current(operation: Operation): Stage | undefined {
  const last = operation.stages?.at(-1);
  return operation.ended === undefined && last?.ended === undefined ? last : undefined;
}

/** whoOf makes an actor readable: session:admin is admin, in the dashboard. */
export function whoOf(actor: string): string {
  const [door, name] = split(actor);
  switch (door) {
    case 'session':
      return `${name}, in a browser`;
    case 'key':
      return `${name}, with its key`;
    case 'cli':
      return `${name}, at the command line`;
    default:
      return actor;
  }
}

function split(actor: string): [string, string] {
  const colon = actor.indexOf(':');
  return colon < 0 ? ['', actor] : [actor.slice(0, colon), actor.slice(colon + 1)];
}

const undoable: readonly string[] = ['install', 'enable', 'start', 'restart'];

/** isCancellable reports whether the API cancels it: what turns something on, while it is made. */
export function isCancellable({ kind, state }: Operation): boolean {
  return state === 'running' && undoable.includes(kind);
}
