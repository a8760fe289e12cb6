import { useQuery } from '@tanstack/react-query';
import { ExternalLink } from 'lucide-react';
import { NavLink } from 'react-router';

import { queries } from '../api/queries';
import { list } from '../api/types';
import { type Page, registeredLinks } from '../plugins/registry';
import { sidebarLinks } from './links';
import classes from './Sidebar.module.css';

interface SidebarProps {
  pages: readonly Page[];
  /** Called when a link was followed, for a drawer that closes then. */
  onLeave?: () => void;
}

export function Sidebar({ pages, onLeave }: SidebarProps) {
  const { data: told } = useQuery(queries.links());
  const { data: services } = useQuery(queries.services());
  const links = sidebarLinks(list(told), registeredLinks(), list(services), window.location);
  return (
    <>
      <nav aria-label="Pages">
        <ul className="plain-list">
          {pages
            .filter(({ sidebar }) => sidebar)
            .map(({ id, path, label, icon: Icon }) => (
              <li key={id}>
                <NavLink to={path} end={path === '/'} className={classes.link ?? ''} onClick={onLeave}>
                  <Icon size={18} aria-hidden="true" />
                  <span className="name-line" dir="auto">{label}</span>
                </NavLink>
              </li>
            ))}
        </ul>
      </nav>
      {links.length > 0 && (
        <nav aria-label="Services" className={classes.services}>
          <h2 className={classes.heading}>Open</h2>
          <ul className="plain-list">
            {links.map(({ id, label, icon: Icon, href, blocked }) => (
              <li key={id}>
                {blocked === '' ? (
                  <a href={href} target="_blank" rel="noopener noreferrer" className={classes.link} title={label}>
                    <Icon size={18} aria-hidden="true" />
                    <span className="name-line" dir="auto">{label}</span>
                    <ExternalLink size={13} className={classes.leaves} aria-label="opens in a new tab" />
                  </a>
                ) : (
                  <span className={classes.link} data-blocked title={blocked}>
                    <Icon size={18} aria-hidden="true" />
                    <span className="name-line" dir="auto">{label}</span>
                    <span className="visually-hidden">{blocked}</span>
                  </span>
                )}
              </li>
            ))}
          </ul>
        </nav>
      )}
    </>
  );
}
