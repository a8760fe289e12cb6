import { Link } from 'react-router';

import { registeredPages } from '../plugins/registry';

/** ExtensionLink names an extension, and leads to its page where the dashboard has one. */
export function ExtensionLink({ id, name = id }: { id: string; name?: string }) {
  const path = extensionPath(id);
  return path === undefined ? (
    <span className="name">{name}</span>
  ) : (
    <Link to={path} className="name">
      {name}
    </Link>
  );
}

/** extensionPath is the address of an extension's page; undefined where no page is registered for it. */
export function extensionPath(id: string): string | undefined {
  return registeredPages().some(({ path }) => path === '/extensions/:id') ? `/extensions/${encodeURIComponent(id)}` : undefined;
}
