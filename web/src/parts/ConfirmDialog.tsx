import { Button, Group, Modal } from '@mantine/core';
import type { ReactNode } from 'react';

interface ConfirmDialogProps {
  opened: boolean;
  title: string;
  /** What will happen, what stays, and who else is concerned. */
  children: ReactNode;
  /** The verb on the button: Uninstall, not OK. */
  confirm: string;
  /** What the other button says: that nothing is done. */
  keep?: string;
  danger?: boolean;
  busy?: boolean;
  onConfirm: () => void;
  onCancel: () => void;
}

/** ConfirmDialog asks before something that is not easily taken back. */
export function ConfirmDialog({ opened, title, children, confirm, keep = 'Cancel', danger = false, busy = false, onConfirm, onCancel }: ConfirmDialogProps) {
  return (
    <Modal opened={opened} onClose={onCancel} title={<span className="name">{title}</span>}>
      {children}
      <Group justify="flex-end" mt="lg">
        <Button variant="default" onClick={onCancel} data-autofocus>
          {keep}
        </Button>
        <Button color={danger ? 'red.9' : undefined} loading={busy} onClick={onConfirm}>
          {confirm}
        </Button>
      </Group>
    </Modal>
  );
}
