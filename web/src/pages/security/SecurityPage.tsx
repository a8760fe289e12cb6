import { Tabs } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';
import { useSearchParams } from 'react-router';

import { queries } from '../../api/queries';
import { NeedsScope } from '../../parts/Answer';
import { PageHeader } from '../../parts/PageHeader';
import { AuditLog } from './AuditLog';
import { Decisions } from './Decisions';
import { Drift } from './Drift';
import { Permissions } from './Permissions';
import { Policies } from './Policies';
import classes from './Security.module.css';

const tabs: readonly { value: string; label: string }[] = [
  { value: 'policies', label: 'Policies' },
  { value: 'permissions', label: 'What extensions may do' },
  { value: 'decisions', label: 'Decisions' },
  { value: 'audit', label: 'Audit log' },
];

/** SecurityPage is what is allowed here, who decided it, and who did what. The address keeps the tab and its filters. */
export default function SecurityPage() {
  const [search, setSearch] = useSearchParams();
  const tab = tabs.find(({ value }) => value === search.get('tab'))?.value ?? 'policies';
  const { isFetched } = useQuery({ ...queries.policies(), enabled: tab === 'policies' });
  const tabList = useRef<HTMLDivElement>(null);
  useEffect(() => {
    // On a phone the tabs scroll.
    tabList.current?.querySelector('[role="tab"][aria-selected="true"]')?.scrollIntoView({ block: 'nearest', inline: 'center' });
  }, [tab]);
  return (
    <>
      <PageHeader title="Security" lead="What is allowed on this machine, what policies made of it, and who changed what." />
      <Tabs value={tab} onChange={(value) => setSearch(value === null || value === 'policies' ? {} : { tab: value })} keepMounted={false}>
        <Tabs.List ref={tabList} className={classes.tabs} aria-label="Parts of this page">
          {tabs.map(({ value, label }) => (
            <Tabs.Tab key={value} value={value}>
              {label}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value="policies">
          <Policies />
          {/* What is above has its height first, so that it pushes nothing away a moment later. */}
          {isFetched && <Drift />}
        </Tabs.Panel>
        <Tabs.Panel value="permissions">
          <Permissions />
        </Tabs.Panel>
        <Tabs.Panel value="decisions">
          <h2 className="visually-hidden">Decisions</h2>
          <NeedsScope scope="admin" what="The log of decisions">
            <Decisions />
          </NeedsScope>
        </Tabs.Panel>
        <Tabs.Panel value="audit">
          <h2 className="visually-hidden">Audit log</h2>
          <NeedsScope scope="admin" what="The audit log">
            <AuditLog />
          </NeedsScope>
        </Tabs.Panel>
      </Tabs>
    </>
  );
}
