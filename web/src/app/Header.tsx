import { ActionIcon, Button, Popover } from '@mantine/core';
import { CircleUser, LogOut, Menu as MenuIcon } from 'lucide-react';
import { Link } from 'react-router';

import { useRunning } from '../operations/useOperations';
import { count } from '../parts/format';
import { Logo } from '../parts/Logo';
import { ConnectionState } from './ConnectionState';
import classes from './Header.module.css';
import { SchemeSwitch } from './SchemeSwitch';
import { useSession } from './session';

export function Header({ onMenu, menuOpened }: { onMenu: () => void; menuOpened: boolean }) {
  return (
    <header className={classes.header}>
      <ActionIcon variant="subtle" color="gray" size="lg" className={classes.burger} aria-label="Menu" aria-expanded={menuOpened} onClick={onMenu}>
        <MenuIcon size={20} aria-hidden="true" />
      </ActionIcon>
      <Link to="/" className={classes.brand}>
        <Logo size={26} />
        <span className={classes.title}>Dream Server</span>
      </Link>
      <div className={classes.right}>
        <Running />
        <ConnectionState />
        <SchemeSwitch />
        <Account />
      </div>
    </header>
  );
}

function Running() {
  const running = useRunning().filter(({ state }) => state === 'running').length;
  return (
    <div role="status" className={classes.running}>
      {running > 0 && (
        <Link to="/operations" className={classes.runningLink}>
          <span className={classes.spinner} aria-hidden="true" />
          <span>
            {running}
            <span className={classes.wide}> {count(running, 'change').replace(/^\S+ /, '')} being made</span>
            <span className={classes.narrow}> {running === 1 ? 'change' : 'changes'}</span>
          </span>
        </Link>
      )}
    </div>
  );
}

function Account() {
  const { session, signOut } = useSession();
  if (session === undefined) return null;
  return (
    <Popover position="bottom-end" width={230} trapFocus returnFocus>
      <Popover.Target>
        <ActionIcon variant="subtle" color="gray" size="lg" aria-label="Your session">
          <CircleUser size={20} aria-hidden="true" />
        </ActionIcon>
      </Popover.Target>
      <Popover.Dropdown>
        <p className={`${classes.who} name`}>
          {session.who.replace(/^session:/, '')} may {scopeWords[session.scope] ?? session.scope}.
        </p>
        <Button variant="default" fullWidth leftSection={<LogOut size={16} aria-hidden="true" />} onClick={() => void signOut()}>
          Sign out
        </Button>
      </Popover.Dropdown>
    </Popover>
  );
}

const scopeWords: Record<string, string> = {
  admin: 'do everything',
  operate: 'start and stop',
  read: 'look',
  metrics: 'read metrics',
};
