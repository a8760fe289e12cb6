import { Button, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { ChevronRight, PackageOpen, Search } from 'lucide-react';
import { useDeferredValue, useState } from 'react';

import { queries } from '../../api/queries';
import { type Entry, list } from '../../api/types';
import { grantText } from '../../operations/grants';
import { Answer } from '../../parts/Answer';
import { EmptyState } from '../../parts/EmptyState';
import { count } from '../../parts/format';
import { Loading } from '../../parts/Loading';
import { Section } from '../../parts/Section';
import { StatusBadge } from '../../parts/StatusBadge';
import { ExtensionLink } from '../../parts/ExtensionLink';
import { installed, named, ratingOf } from './installed';
import classes from './Security.module.css';

const pageSize = 50;
const searchFrom = 10; // fewer are seen at a glance

/** Permissions is what each extension that is here may do beyond what all may. */
export function Permissions() {
  const query = useQuery(queries.catalog());
  return (
    <>
      <details className={classes.about}>
        <summary>
          <ChevronRight size={16} aria-hidden="true" /> What every extension may do
        </summary>
        <p>
          Keep files in a folder of its own below <code>data</code>, talk to the other extensions on Dream Server&rsquo;s network and to the
          internet, and publish ports that this machine alone reaches. None is privileged, reaches Docker, or sees other files of the machine.
          Whatever else one asks for stands below, and was given by its owner.
        </p>
        <p>
          The rating is something else: it counts how an extension is packed as well, such as an image without a fixed version or a container
          without a limit on memory. So one that may do no more than all others can have a low one; its page says what cost it points.
        </p>
      </details>
      <Answer query={query} of="extensions" loading={<Loading lines={4} height={84} />}>
        {(catalog) => <Installed extensions={installed(list(catalog.extensions))} />}
      </Answer>
    </>
  );
}

function Installed({ extensions }: { extensions: readonly Entry[] }) {
  const [text, setText] = useState('');
  const [limit, setLimit] = useState(pageSize);
  const found = named(extensions, useDeferredValue(text));
  const shown = found.slice(0, limit);
  const more = shown.filter(({ grants }) => list(grants).length > 0);
  const rest = shown.filter(({ grants }) => list(grants).length === 0);
  if (extensions.length === 0) {
    return (
      <EmptyState icon={PackageOpen} title="No extension is installed">
        <p>What one may do is shown before it is installed, and here from then on.</p>
      </EmptyState>
    );
  }
  return (
    <>
      {extensions.length >= searchFrom && (
        <TextInput
          label="Find an extension"
          type="search"
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
          leftSection={<Search size={16} aria-hidden="true" />}
          maw={360}
          mb="md"
        />
      )}
      {found.length === 0 && <p className={classes.none}>None is called that.</p>}
      {more.length > 0 && (
        <Section title="Allowed more than others">
          <ul className={`plain-list ${classes.list}`}>
            {more.map((extension) => (
              <li key={extension.id} className={classes.row}>
                <Head extension={extension} />
                <ul className={classes.grants}>
                  {list(extension.grants).map((grant) => (
                    <li key={grant} className="name">
                      {grantText(grant)}
                    </li>
                  ))}
                </ul>
              </li>
            ))}
          </ul>
        </Section>
      )}
      {rest.length > 0 && (
        <Section title="Allowed what every extension is">
          <ul className={`plain-list ${classes.list}`}>
            {rest.map((extension) => (
              <li key={extension.id} className={classes.row}>
                <Head extension={extension} />
              </li>
            ))}
          </ul>
        </Section>
      )}
      {found.length > limit && (
        <Button variant="default" mt="md" onClick={() => setLimit((now) => now + 4 * pageSize)}>
          Show more of {count(found.length, 'extension')}
        </Button>
      )}
    </>
  );
}

function Head({ extension }: { extension: Entry }) {
  return (
    <div className={classes.rowHead}>
      <span className={`${classes.rowTitle} name`}>
        <ExtensionLink id={extension.id} name={extension.name} />
      </span>
      <StatusBadge status={extension.status} />
      <span className={classes.when}>Rating: {ratingOf(extension.rating)}</span>
    </div>
  );
}
