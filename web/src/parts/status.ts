// What the API's words look like. A word that is not here, from a newer API, is neutral and shown as it is.
import { words } from './format';

/** Tone is what a status means to a person, apart from its colour. */
export type Tone = 'good' | 'bad' | 'warn' | 'busy' | 'neutral';

const looks: Record<string, readonly [Tone, string]> = {
  // health
  healthy: ['good', 'Healthy'],
  unhealthy: ['bad', 'Unhealthy'],
  degraded: ['warn', 'Degraded'],
  down: ['bad', 'Down'],
  not_deployed: ['neutral', 'Not deployed'],
  unknown: ['neutral', 'Unknown'],
  starting: ['busy', 'Starting'],
  // operations
  running: ['busy', 'Running'],
  waiting: ['warn', 'Waiting'],
  interrupted: ['warn', 'Interrupted'],
  succeeded: ['good', 'Done'],
  failed: ['bad', 'Failed'],
  cancelled: ['neutral', 'Cancelled'],
  // extensions
  enabled: ['good', 'Enabled'],
  disabled: ['neutral', 'Disabled'],
  not_installed: ['neutral', 'Not installed'],
  incompatible: ['warn', 'Incompatible'],
  // features
  available: ['neutral', 'Available'],
  services_needed: ['warn', 'Services needed'],
  insufficient_vram: ['warn', 'Too little VRAM'],
  // containers
  stopped: ['neutral', 'Stopped'],
  partial: ['warn', 'Partly running'],
};

/** lookOf is how a word of the API is shown. */
export function lookOf(status: string | undefined): { tone: Tone; label: string } {
  if (!status) return { tone: 'neutral', label: 'Unknown' };
  const look = Object.hasOwn(looks, status) ? looks[status] : undefined;
  return look === undefined ? { tone: 'neutral', label: words(status).slice(0, 40) } : { tone: look[0], label: look[1] };
}
