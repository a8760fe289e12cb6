// Icons by the names that manifests use. They are lucide's; the whole set would be several times the size of the
// dashboard, so this has those of the extensions that ship. Any other name gets the one that stands for all.
import {
  Activity, Archive, AudioLines, Bell, Binary, Bookmark, Bot, Box, Boxes, BrainCircuit, Camera, ChartLine, Cloud, CodeXml, Cpu, Database,
  ExternalLink, Eye, FileCog, FileScan, FileSearch, Files, FlaskConical, FolderOpen, Gauge, GitBranch, Globe, Hand, HeartPulse,
  Image, ImagePlus, Images, KeyRound, Languages, LayoutDashboard, LibraryBig, Lock, type LucideIcon, Mail, MessageCircle, MessageSquare,
  MessagesSquare, Mic, Music, Network, NotebookPen, Package, Play, Plug, Puzzle, RefreshCw, Rss, Search, Server, Settings, Share2,
  ShieldCheck, StickyNote, Table, TableProperties, Tags, Telescope, Terminal, VenetianMask, Video, Volume2, Waypoints, Workflow, Zap,
} from 'lucide-react';

const icons: Record<string, LucideIcon> = {
  Activity, Archive, AudioLines, Bell, Binary, Bookmark, Bot, Box, Boxes, BrainCircuit, Camera, ChartLine, Cloud, CodeXml, Cpu, Database,
  ExternalLink, Eye, FileCog, FileScan, FileSearch, Files, FlaskConical, FolderOpen, Gauge, GitBranch, Globe, Hand, HeartPulse,
  Image, ImagePlus, Images, KeyRound, Languages, LayoutDashboard, LibraryBig, Lock, Mail, MessageCircle, MessageSquare,
  MessagesSquare, Mic, Music, Network, NotebookPen, Package, Play, Plug, Puzzle, RefreshCw, Rss, Search, Server, Settings, Share2,
  ShieldCheck, StickyNote, Table, TableProperties, Tags, Telescope, Terminal, VenetianMask, Video, Volume2, Waypoints, Workflow, Zap,
};

/** iconOf is the icon of a name in PascalCase or, as lucide.dev writes it, with hyphens; a package for every other. */
export function iconOf(name: string | undefined): LucideIcon {
  if (name === undefined) return Package;
  const pascal = name.replace(/(?:^|-)([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
  return Object.hasOwn(icons, pascal) ? (icons[pascal] ?? Package) : Package;
}
