import { PageHeader } from '../../parts/PageHeader';

export default function OperationPage() {
  return <PageHeader title="Operation" />;
}
