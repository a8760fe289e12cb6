import { Button } from '@mantine/core';
import { useState } from 'react';

import { may, type Operation } from '../api/types';
import { useSession } from '../app/session';
import { ConfirmDialog } from '../parts/ConfirmDialog';
import { ErrorNotice } from '../parts/ErrorNotice';
import { useCancel } from './useOperations';
import { isCancellable, kindOf } from './words';

/** CancelButton has an operation undone, after it was asked whether that is meant. It is nothing where that cannot be. */
export function CancelButton({ operation }: { operation: Operation }) {
  const { session } = useSession();
  const cancel = useCancel();
  const [asking, setAsking] = useState(false);
  if (!isCancellable(operation) || !may(session, 'operate')) return null;
  const asked = operation.cancelled_by !== undefined || cancel.isSuccess;
  const verb = kindOf(operation.kind).toLowerCase();
  return (
    <>
      <Button size="xs" variant="default" disabled={asked} onClick={() => setAsking(true)}>
        {asked ? 'Being undone' : 'Cancel'}
      </Button>
      <ConfirmDialog
        opened={asking && !asked}
        title={`Cancel: ${verb} ${operation.extension}?`}
        confirm="Cancel and undo"
        keep="Let it go on"
        danger
        busy={cancel.isPending}
        onConfirm={() => cancel.mutate(operation.id)}
        onCancel={() => setAsking(false)}
      >
        <p style={{ marginTop: 0 }}>
          {operation.kind === 'install' && 'What was copied and created for it is removed. '}
          {operation.kind === 'enable' && 'It is disabled again, as it was. '}
          {(operation.kind === 'start' || operation.kind === 'restart') && 'It is stopped, and stays enabled. '}
          Images that were fetched whole stay.
        </p>
        {cancel.error !== null && <ErrorNotice error={cancel.error} urgent />}
      </ConfirmDialog>
    </>
  );
}
