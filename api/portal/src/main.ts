// The one script of all pages: brings those elements to life that ask for it, and loads nothing else.

import { mountAll } from "./mount";
import { wireThemeSwitch } from "./theme-switch";

wireThemeSwitch();
mountAll(document);
