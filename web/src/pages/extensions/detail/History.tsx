import { useQuery } from '@tanstack/react-query';
import { History as Clock } from 'lucide-react';

import { queries } from '../../../api/queries';
import { list } from '../../../api/types';
import { EmptyState } from '../../../parts/EmptyState';
import { ErrorNotice } from '../../../parts/ErrorNotice';
import { Loading } from '../../../parts/Loading';
import { OperationRow } from '../../operations/OperationRow';
import classes from '../Detail.module.css';

/** History is the changes of an extension, the newest first. */
export function History({ id }: { id: string }) {
  const { data, error, refetch } = useQuery(queries.operations({ extension: id, limit: 100 }));
  if (data === undefined) return error === null ? <Loading lines={4} /> : <ErrorNotice error={error} onRetry={() => void refetch()} />;
  const operations = list(data.operations);
  if (operations.length === 0) {
    return (
      <EmptyState icon={Clock} title="Nothing has been changed yet">
        <p>Installing, enabling, starting, configuring: each change is listed here, with how it ended. The last 1,000 of this machine are kept.</p>
      </EmptyState>
    );
  }
  return (
    <ul className={`plain-list ${classes.list}`}>
      {operations.map((operation) => (
        <li key={operation.id} className="card">
          <OperationRow operation={operation} />
        </li>
      ))}
    </ul>
  );
}
