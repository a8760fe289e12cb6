import { useQuery } from '@tanstack/react-query';
import { ShieldAlert, ShieldOff } from 'lucide-react';

import { queries } from '../../api/queries';
import { list, type Schemas } from '../../api/types';
import { Answer } from '../../parts/Answer';
import { CopyLine } from '../../parts/CopyLine';
import { type Column, DataTable } from '../../parts/DataTable';
import { EmptyState } from '../../parts/EmptyState';
import { ExtensionLink } from '../../parts/ExtensionLink';
import { count } from '../../parts/format';
import { Loading } from '../../parts/Loading';
import { Section } from '../../parts/Section';
import { TimeAgo, useServerNow } from '../../parts/TimeAgo';
import { sorted, standingOf } from './exceptions';
import classes from './Security.module.css';
import { ToneBadge } from '../../parts/ToneBadge';
import { digestOf, type Exception, hookOf, modeOf, onErrorOf, outcomeOf, type Policy, transportOf } from './words';

/** Policies is what the operator's plugins and rules are, in the order in which they are asked. */
export function Policies() {
  const query = useQuery(queries.policies());
  return (
    <Answer query={query} of="policies" loading={<Loading lines={3} height={120} />}>
      {(status) => (
        <>
          {status.locked && <Locked reason={status.reason ?? ''} />}
          <Loaded status={status} />
        </>
      )}
    </Answer>
  );
}

function Locked({ reason }: { reason: string }) {
  return (
    <div className={classes.locked} role="alert">
      <ShieldAlert size={24} aria-hidden="true" />
      <div>
        <p className={classes.lockedTitle}>Locked: nothing can be installed, enabled or started</p>
        <p className="name">{reason === '' ? 'The host agent does not say why.' : reason}</p>
        <p>
          What runs goes on, and stop, disable, uninstall and logs work. Mend <code>config/server/config.yml</code>, or what it names, and
          start the host agent again:
        </p>
        <div className={classes.commands}>
          <CopyLine text="sudo systemctl restart dream-host-agent" /> <span>or, from the checkout,</span> <CopyLine text="make run" />
        </div>
      </div>
    </div>
  );
}

function Loaded({ status }: { status: Schemas['PolicyStatus'] }) {
  const plugins = list(status.plugins);
  const rules = list(status.rules);
  const exceptions = list(status.exceptions);
  if (plugins.length + rules.length + exceptions.length === 0) return status.locked ? null : <NoPolicies />;
  return (
    <>
      <Section title="Plugins" aside={<Since status={status} />}>
        {plugins.length > 0 ? (
          <DataTable label="Plugins, in the order in which they are asked" columns={pluginColumns} rows={numbered(plugins)} keyOf={({ policy }) => policy.name} />
        ) : (
          <p className={classes.none}>None. Rules alone decide.</p>
        )}
      </Section>
      <Section title="Rules" aside={rules.length > 0 ? 'asked after the plugins' : undefined}>
        {rules.length > 0 ? (
          <DataTable label="Rules, in the order in which they are asked" columns={ruleColumns} rows={numbered(rules)} keyOf={({ policy }) => policy.name} />
        ) : (
          <p className={classes.none}>None.</p>
        )}
      </Section>
      <Section title="Exceptions">
        {exceptions.length > 0 ? <Exceptions exceptions={exceptions} /> : <p className={classes.none}>None: every policy holds for every extension.</p>}
      </Section>
      <Made counts={status.counts} />
    </>
  );
}

function Since({ status }: { status: Schemas['PolicyStatus'] }) {
  return (
    <>
      loaded <TimeAgo time={status.loaded_at} />
      {status.config_digest !== undefined && (
        <>
          {' '}
          · config <code title={status.config_digest}>{digestOf(status.config_digest)}</code>
        </>
      )}
    </>
  );
}

// A place among the others counts: what one changes, the next one sees.
interface Numbered {
  place: number;
  policy: Policy;
}

function numbered(policies: readonly Policy[]): Numbered[] {
  return policies.map((policy, i) => ({ place: i + 1, policy }));
}

const name: Column<Numbered> = {
  id: 'name',
  label: 'Name',
  cell: ({ place, policy }) => (
    <span className="name">
      <span className={classes.place}>{place}.</span> {policy.name}
      {policy.version !== undefined && policy.version !== '' && <span className={classes.dim}> {policy.version}</span>}
    </span>
  ),
};

const mode: Column<Numbered> = { id: 'mode', label: 'Mode', cell: ({ policy }) => <ToneBadge look={modeOf(policy.mode)} /> };

const hooks: Column<Numbered> = {
  id: 'hooks',
  label: 'Looks at',
  cell: ({ policy }) => <span className="name">{[...new Set(list(policy.hooks).map(hookOf))].join(', ') || 'nothing'}</span>,
};

const onError: Column<Numbered> = { id: 'on-error', label: 'If it fails', cell: ({ policy }) => onErrorOf(policy) };

const pluginColumns: readonly Column<Numbered>[] = [
  name,
  mode,
  hooks,
  onError,
  {
    id: 'how',
    label: 'How it is asked',
    cell: ({ policy }) => (
      <>
        {transportOf(policy.transport)}, {policy.timeout} at most
        {policy.transport !== 'go' && (policy.secrets ? ', sees secrets' : ', sees no secrets')}
        {policy.digest !== undefined && policy.digest !== '' && (
          <>
            {' '}
            <code title={policy.digest}>{digestOf(policy.digest)}</code>
          </>
        )}
      </>
    ),
  },
];

const ruleColumns: readonly Column<Numbered>[] = [name, mode, hooks, onError];

function Exceptions({ exceptions }: { exceptions: readonly Exception[] }) {
  const now = useServerNow(60_000);
  return <DataTable label="Exceptions" columns={exceptionColumns(now)} rows={sorted(exceptions, now)} keyOf={({ plugin, extension }, i) => `${plugin} ${extension} ${i}`} />;
}

function exceptionColumns(now: number): readonly Column<Exception>[] {
  return [
    { id: 'extension', label: 'Extension', cell: ({ extension }) => <ExtensionLink id={extension} /> },
    { id: 'plugin', label: 'Is not held to', cell: ({ plugin }) => <span className="name">{plugin}</span> },
    { id: 'reason', label: 'Because', cell: ({ reason }) => <span className="name">{reason}</span> },
    {
      id: 'expires',
      label: 'Until',
      cell: (exception) => (
        <span className={classes.ends}>
          <TimeAgo time={exception.expires} />
          {standingOf(exception, now) === 'expired' && <ToneBadge look={{ tone: 'bad', label: 'Expired' }} />}
          {standingOf(exception, now) === 'soon' && <ToneBadge look={{ tone: 'warn', label: 'Ends soon' }} />}
        </span>
      ),
    },
  ];
}

function Made({ counts }: { counts: Schemas['PolicyCounts'] }) {
  const made = Object.entries(counts.decisions ?? {}).filter(([, n]) => n > 0);
  if (made.length === 0) return null;
  const text = made.map(([outcome, n]) => `${outcomeOf(outcome).label.toLowerCase()} ${n.toLocaleString('en')}`).join(', ');
  const all = made.reduce((sum, [, n]) => sum + n, 0);
  return (
    <p className={classes.made}>
      Since the host agent was started, {count(all, 'start was', 'starts were')} judged: {text}.
    </p>
  );
}

const example = `plugins:
  - require_digest  # images need a digest
  - name: resource_limits
    config:
      default: {memory: 2g}
      max: {memory: 16g, cpus: 8}
rules:
  - name: known-registries
    match: >-
      spec.services.exists(s,
      !spec.services[s].image
      .startsWith('ghcr.io/'))
    deny: images come from ghcr.io
`;

function NoPolicies() {
  return (
    <Section title="Policies">
      <EmptyState icon={ShieldOff} title="There are none yet">
        <p>
          Every extension is scanned before it runs, whatever is here. What else may run on <em>your</em> machine is for policies to say: they
          are asked at each install, enable and start, and may change or refuse it with a reason.
        </p>
        <p>
          Write <code>config/server/config.yml</code> in the installation&rsquo;s folder, where <code>dream init</code> has made a place for it, such as this one, and start the host agent again. The
          page <code>docs/policies.md</code> has all of it.
        </p>
        <CopyLine block text={example} />
      </EmptyState>
    </Section>
  );
}
