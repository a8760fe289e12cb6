// A plugin as an author writes one: a page with properties, and a link. It is not part of the dashboard until
// plugins/index.ts imports it: import './examples/machine'.
import { Server } from 'lucide-react';

import { PageHeader } from '../../parts/PageHeader';
import { type Context, registerExternalLinks, registerRoutes } from '../registry';

interface MachineProps {
  hostname: string;
}

function MachinePage({ hostname }: MachineProps) {
  return (
    <>
      <PageHeader title="This machine" />
      <p>It calls itself {hostname}.</p>
    </>
  );
}

registerRoutes<MachineProps>([
  {
    id: 'example-machine',
    path: '/machine',
    label: 'This machine',
    icon: Server,
    component: MachinePage,
    getProps: ({ status }: Context) => ({ hostname: status?.system.hostname ?? 'nothing, as far as the dashboard knows' }),
    // A page that is of use only where something is known of the machine.
    enabled: ({ status }) => status !== undefined,
    sidebar: true,
    order: 60,
  },
]);

registerExternalLinks([{ id: 'example-machine-files', label: 'Files', icon: Server, port: 8081, healthNeedles: ['files'], ui_path: '/browse' }]);
