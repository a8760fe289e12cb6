import { Modal } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';

import { get } from '../../api/queries';
import { type Feature, list } from '../../api/types';
import { ErrorNotice } from '../../parts/ErrorNotice';
import { Loading } from '../../parts/Loading';
import { Prose } from '../../parts/Prose';

interface GuideDialogProps {
  feature: Feature;
  opened: boolean;
  onClose: () => void;
}

/** GuideDialog is the way to a feature on this machine, step by step, with links. */
export function GuideDialog({ feature, opened, onClose }: GuideDialogProps) {
  const { data, error, refetch } = useQuery({ ...get('/api/features/{id}/enable', { path: { id: feature.id } }), enabled: opened, staleTime: 0 });
  return (
    <Modal opened={opened} onClose={onClose} title={<span className="name">{feature.name}</span>} size="lg">
      {data === undefined && (error === null ? <Loading lines={2} /> : <ErrorNotice error={error} onRetry={() => void refetch()} urgent />)}
      {data !== undefined && (
        <>
          <ol style={{ marginTop: 0, paddingLeft: '1.25rem' }}>
            {list(data.instructions.steps).map((step, i) => (
              <li key={i} className="name">
                <Prose text={step} />
              </li>
            ))}
          </ol>
          <ul className="plain-list">
            {list(data.instructions.links)
              .filter(({ url }) => /^https?:\/\//.test(url))
              .map(({ label, url }) => (
                <li key={url}>
                  <a href={url} target="_blank" rel="noopener noreferrer" className="name">
                    {label}
                  </a>
                </li>
              ))}
          </ul>
        </>
      )}
    </Modal>
  );
}
