import { PageHeader } from '../../parts/PageHeader';

export default function OperationsPage() {
  return <PageHeader title="Operations" />;
}
