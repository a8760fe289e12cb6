import { useChange } from '../../operations/useOperations';
import type { Entry, Operation } from '../../api/types';
import { ConfirmDialog } from '../../parts/ConfirmDialog';
import { ErrorNotice } from '../../parts/ErrorNotice';
import { Dependents } from './Dependents';
import { losers } from './depends';

interface DisableDialogProps {
  entry: Pick<Entry, 'id' | 'name'>;
  all: readonly Entry[];
  /** A dialog that closes gives the focus back; so it stays there, closed. */
  opened: boolean;
  onClose: () => void;
  onBegun?: (operation: Operation) => void;
}

/** DisableDialog asks before an extension is switched off, and names who needs it. */
export function DisableDialog({ entry, all, opened, onClose, onBegun }: DisableDialogProps) {
  const change = useChange({
    onBegun: (operation) => {
      onBegun?.(operation);
      onClose();
    },
  });
  const lost = losers(entry.id, all);
  return (
    <ConfirmDialog
      opened={opened}
      title={`Disable ${entry.name || entry.id}?`}
      confirm="Disable"
      busy={change.isPending}
      onConfirm={() => change.begin({ action: 'disable', id: entry.id })}
      onCancel={onClose}
    >
      <p style={{ marginTop: 0 }}>Its containers are stopped. Its data and its configuration stay, and it can be enabled again.</p>
      <Dependents lost={lost} then="they go on running, and what they do with it fails." />
      {change.error !== null && <ErrorNotice error={change.error} urgent />}
    </ConfirmDialog>
  );
}
