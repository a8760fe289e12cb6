import { PageHeader } from '../../parts/PageHeader';

export default function OverviewPage() {
  return <PageHeader title="Overview" />;
}
