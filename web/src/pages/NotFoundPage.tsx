import { Compass } from 'lucide-react';
import { Link, useLocation } from 'react-router';

import { EmptyState } from '../parts/EmptyState';
import { PageHeader } from '../parts/PageHeader';

/** NotFoundPage is for addresses that no page has. */
export function NotFoundPage() {
  const { pathname } = useLocation();
  return (
    <>
      <PageHeader title="There is no such page" />
      <EmptyState icon={Compass} title="Nothing is at this address">
        <p>
          No page of the dashboard is at <code className="name">{pathname.slice(0, 200)}</code>. It may have been one of a plugin that is
          gone. <Link to="/">Go to the overview</Link>
        </p>
      </EmptyState>
    </>
  );
}
