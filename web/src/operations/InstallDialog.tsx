import { Button, Group, Modal } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from 'react-router';

import { Problem } from '../api/problem';
import { queries } from '../api/queries';
import { list, type Operation, type Schemas } from '../api/types';
import { ErrorNotice } from '../parts/ErrorNotice';
import { extensionPath } from '../parts/ExtensionLink';
import { Loading } from '../parts/Loading';
import { grantText } from './grants';
import { useChange } from './useOperations';

interface InstallDialogProps {
  id: string;
  opened: boolean;
  onClose: () => void;
  onBegun: (operation: Operation) => void;
}

/** InstallDialog says what an extension may do, and installs it with that. One that asks for values sends to its page. */
export function InstallDialog({ id, opened, onClose, onBegun }: InstallDialogProps) {
  return (
    <Modal opened={opened} onClose={onClose} title={<span className="name">Install {id}</span>}>
      {opened && <Contents id={id} onClose={onClose} onBegun={onBegun} />}
    </Modal>
  );
}

function Contents({ id, onClose, onBegun }: Omit<InstallDialogProps, 'opened'>) {
  const { data, error } = useQuery(queries.extension(id));
  const change = useChange({
    onBegun: (operation) => {
      onBegun(operation);
      onClose();
    },
  });
  if (error !== null) return <ErrorNotice error={error} urgent />;
  if (data === undefined) return <Loading lines={2} />;
  const grants = list(data.manifest.grants);
  const page = extensionPath(id);
  return (
    <>
      <p className="name" style={{ marginTop: 0 }}>
        {data.description}
      </p>
      {grants.length === 0 ? (
        <p>It asks for nothing beyond what every extension may do: run its containers, keep its own data, and talk to the other services.</p>
      ) : (
        <>
          <p>Beyond what every extension may do, it may</p>
          <ul>
            {grants.map((grant) => (
              <li key={grant}>{grantText(grant)}</li>
            ))}
          </ul>
        </>
      )}
      {change.error !== null && (
        <ErrorNotice error={change.error} urgent>
          {change.error instanceof Problem && change.error.code === 'missing_config' && page !== undefined && (
            <Button component={Link} to={page} size="xs" variant="default">
              Fill them in on its page
            </Button>
          )}
        </ErrorNotice>
      )}
      <Group justify="flex-end" mt="lg">
        <Button variant="default" onClick={onClose}>
          Cancel
        </Button>
        <Button
          loading={change.isPending}
          onClick={() => change.begin({ action: 'install', id, grants: grants as NonNullable<Schemas['InstallBody']['grants']> })}
          data-autofocus
        >
          Install
        </Button>
      </Group>
    </>
  );
}
