import { Popover } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';

import { queries } from '../api/queries';
import { useConnection } from '../live/LiveProvider';
import classes from './ConnectionState.module.css';

/** ConnectionState says how fresh the page is. What is gone is told at length by Banners. */
export function ConnectionState() {
  const connection = useConnection();
  const { data: status } = useQuery(queries.status());
  const away = connection !== 'offline' && status?.agent?.available === false;
  const [tone, label, why] = away ? looks.away : looks[connection];
  return (
    <Popover position="bottom-end" width={240}>
      <Popover.Target>
        <button type="button" className={classes.state} data-tone={tone} aria-label={`Connection: ${label}`}>
          <span className={classes.mark} aria-hidden="true" />
          <span className={classes.label}>{label}</span>
        </button>
      </Popover.Target>
      <Popover.Dropdown>
        <p className={classes.why}>{why}</p>
      </Popover.Dropdown>
    </Popover>
  );
}

const looks = {
  live: ['good', 'Live', 'What changes shows at once.'],
  connecting: ['neutral', 'Connecting', 'The stream of events is being opened.'],
  polling: ['neutral', 'Every 5 s', 'The stream of events does not come through; the page asks every 5 seconds.'],
  offline: ['bad', 'Offline', 'Dream Server does not answer. What you see is old.'],
  away: ['warn', 'Agent away', 'The host agent is away: what runs goes on, changes wait.'],
} as const;
