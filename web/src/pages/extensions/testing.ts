// Extensions for tests of these pages.
import type { Catalog, Entry } from '../../api/types';
import type { Plan } from './usePlan';

type Some = Partial<Omit<Entry, 'runtime'>> & { runtime?: Partial<Entry['runtime']> };

/** extension is one that is not installed, but for what a test says. */
export function extension(id: string, some: Some = {}): Entry {
  return {
    id, name: id, description: '', category: 'optional', gpu_backends: ['all'], compose_file: 'compose.yaml', depends_on: [], port: 80, external_port_default: 8080,
    health_endpoint: '/', env_vars: [], tags: [], features: [], aliases: [], grants: [], rating: 7, installable: true, status: 'not_installed', source: 'library',
    can_toggle: some.status === 'enabled' || some.status === 'disabled',
    ...some,
    runtime: { state: some.status === 'enabled' ? 'running' : 'not_deployed', ...some.runtime },
  };
}

/** feature is what an extension makes possible. */
export function feature(id: string, category: string, vram = 0, backends: string[] = []): Entry['features'][number] {
  return {
    id, name: id, description: '', icon: 'Nothing', category, requirements: { services: [], vram_gb: vram }, enabled_services_all: [], setup_time: '', priority: 1,
    gpu_backends: backends,
  };
}

/** catalog is the answer that lists them. */
export function catalog(extensions: Entry[], some: Partial<Catalog> = {}): Catalog {
  return {
    extensions, gpu_backend: 'nvidia', library_available: true, agent_available: true, agent: { available: true }, skipped: [],
    summary: { total: extensions.length, installed: 0, enabled: 0, disabled: 0, not_installed: 0, incompatible: 0 },
    ...some,
  };
}

/** plan is one of an install that nothing stands in the way of, but for what a test says. */
export function plan(some: Partial<Plan> = {}): Plan {
  return {
    id: 'x', operation: 'install', verdict: 'allow', plan_hash: '1-2-3', submitted: {}, effective: {}, diff: [], decisions: [], warnings: [], ports: [],
    grants: { needed: [], given: [], missing: [] }, images: [], services: [], generated: [], inputs: {},
    ...some,
  };
}
