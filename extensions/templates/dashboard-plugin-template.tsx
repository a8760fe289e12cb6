// A page and a link of the dashboard. Copy this file to web/src/plugins/my-service.tsx, change what it names, and import
// it where the dashboard imports its other plugins: importing it registers what is below.
//
// An extension whose manifest has features and a ui_path is on the dashboard without any of this. Write a plugin for a
// page of your own inside the dashboard.
import { Box } from 'lucide-react';

import { registerExternalLinks, registerRoutes } from './registry';

interface MyServiceProps {
  /** Where the service answers on this machine. */
  url: string;
}

function MyServicePage({ url }: MyServiceProps) {
  return (
    <section aria-labelledby="my-service-title">
      <h1 id="my-service-title">My Service</h1>
      <p>
        It answers at <a href={url}>{url}</a>.
      </p>
    </section>
  );
}

// Pages. The id is unique in the dashboard; order sorts the sidebar, the smallest first.
registerRoutes([
  {
    id: 'my-service',
    path: '/my-service',
    label: 'My Service',
    icon: Box,
    component: MyServicePage,
    getProps: () => ({ url: `${window.location.protocol}//${window.location.hostname}:9200/` }),
    sidebar: true,
    order: 50,
  },
]);

// Links that leave the dashboard. One is shown while a service whose name has one of healthNeedles is healthy.
registerExternalLinks([
  {
    id: 'my-service-link',
    icon: Box,
    label: 'My Service',
    port: 9200,
    ui_path: '/',
    healthNeedles: ['my service'],
  },
]);
