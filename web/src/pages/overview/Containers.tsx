import { Table } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';

import { queries } from '../../api/queries';
import { list } from '../../api/types';
import { ExtensionLink } from '../../parts/ExtensionLink';
import { bytes } from '../../parts/format';
import { Section } from '../../parts/Section';
import classes from './Overview.module.css';

const shown = 8;

/** Containers is who uses the machine most. Without the agent there are no figures, and no table. */
export function Containers() {
  const { data, isError } = useQuery(queries.resources());
  const services = list(data?.services).toSorted((a, b) => b.memory_used_bytes - a.memory_used_bytes);
  if (isError || services.length === 0) return null;
  return (
    <Section title="Most memory" aside={services.length > shown ? `the first ${shown} of ${services.length}` : undefined}>
      <div className="card">
        <Table verticalSpacing={4} horizontalSpacing={0} withRowBorders={false}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Service</Table.Th>
              <Table.Th className={classes.figure}>Processor</Table.Th>
              <Table.Th className={classes.figure}>Memory</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {services.slice(0, shown).map((service) => (
              <Table.Tr key={service.id}>
                <Table.Td>
                  <ExtensionLink id={service.id} name={service.name} />
                </Table.Td>
                <Table.Td className={classes.figure}>{service.cpu_percent === undefined ? '–' : `${service.cpu_percent.toFixed(1)} %`}</Table.Td>
                <Table.Td className={classes.figure}>{bytes(service.memory_used_bytes)}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </div>
    </Section>
  );
}
