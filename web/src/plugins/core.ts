// Our own pages. Each is loaded when it is opened.
import { Activity, LayoutDashboard, Puzzle, Settings, ShieldCheck } from 'lucide-react';

import { lazy } from './lazy';
import { registerRoutes } from './registry';

const OperationsPage = lazy(() => import('../pages/operations/OperationsPage'));
const OperationPage = lazy(() => import('../pages/operations/OperationPage'));

registerRoutes([
  {
    id: 'overview',
    path: '/',
    label: 'Overview',
    icon: LayoutDashboard,
    component: lazy(() => import('../pages/overview/OverviewPage')),
    sidebar: true,
    order: 10,
  },
  {
    id: 'extensions',
    path: '/extensions',
    label: 'Extensions',
    icon: Puzzle,
    component: lazy(() => import('../pages/extensions/ExtensionsPage')),
    sidebar: true,
    order: 20,
  },
  { id: 'extension', path: '/extensions/:id', label: 'Extension', icon: Puzzle, component: lazy(() => import('../pages/extensions/ExtensionPage')), sidebar: false, order: 21 },
  { id: 'install', path: '/extensions/:id/install', label: 'Install', icon: Puzzle, component: lazy(() => import('../pages/extensions/InstallPage')), sidebar: false, order: 22 },
  { id: 'operations', path: '/operations', label: 'Operations', icon: Activity, component: OperationsPage, sidebar: true, order: 30 },
  { id: 'operation', path: '/operations/:id', label: 'Operation', icon: Activity, component: OperationPage, sidebar: false, order: 31 },
  {
    id: 'security',
    path: '/security',
    label: 'Security',
    icon: ShieldCheck,
    component: lazy(() => import('../pages/security/SecurityPage')),
    sidebar: true,
    order: 40,
  },
  {
    id: 'settings',
    path: '/settings',
    label: 'Settings',
    icon: Settings,
    component: lazy(() => import('../pages/settings/SettingsPage')),
    sidebar: true,
    order: 50,
  },
]);
