import { SegmentedControl, useMantineColorScheme } from '@mantine/core';

import { schemes } from '../../app/SchemeSwitch';
import { words } from '../../parts/format';
import { Section } from '../../parts/Section';
import classes from './Settings.module.css';

/** Appearance chooses the colours, as the switch in the header does. */
export function Appearance() {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  return (
    <Section title="Appearance">
      <SegmentedControl
        aria-label="Colours"
        className={classes.schemes}
        value={colorScheme}
        onChange={(value) => {
          const chosen = schemes.find((scheme) => scheme.value === value);
          if (chosen !== undefined) setColorScheme(chosen.value);
        }}
        data={schemes.map(({ value, label, icon: Icon }) => ({
          value,
          label: (
            <span className={classes.scheme}>
              <Icon size={16} aria-hidden="true" />
              {words(label)}
            </span>
          ),
        }))}
      />
      <p className={classes.note}>This browser remembers it.</p>
    </Section>
  );
}
