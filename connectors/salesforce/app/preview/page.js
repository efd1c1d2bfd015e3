// Synthetic shadow first: it lets the page's style sheet reach into components, as in Lightning Experience.
import '@lwc/synthetic-shadow';
import { createElement } from 'lwc';

import CallfirstPriority from 'c/callfirstPriority';

const element = createElement('c-callfirst-priority', { is: CallfirstPriority });
element.recordId = '00QKk00000ABCdeMAH';
element.objectApiName = window.SCENE.objectApiName;
document.body.appendChild(element);
