"""Domains of mailboxes that anybody can open: they say nothing about a company."""

from __future__ import annotations

from functools import cache

from django.conf import settings

from alignment.matching.keys import site_domain_key

_WORDS = """
gmail.com googlemail.com
yahoo.com yahoo.ca yahoo.co.in yahoo.co.jp yahoo.co.uk yahoo.com.ar yahoo.com.au yahoo.com.br yahoo.com.cn
yahoo.com.hk yahoo.com.mx yahoo.com.sg yahoo.com.tr yahoo.com.tw yahoo.com.vn yahoo.de yahoo.dk yahoo.es yahoo.fr
yahoo.gr yahoo.ie yahoo.in yahoo.it yahoo.nl yahoo.no yahoo.pl yahoo.ro yahoo.se ymail.com rocketmail.com myyahoo.com
hotmail.com hotmail.be hotmail.ca hotmail.ch hotmail.co.uk hotmail.com.br hotmail.de hotmail.dk hotmail.es hotmail.fr
hotmail.it hotmail.nl hotmail.no hotmail.se outlook.com outlook.at outlook.be outlook.com.br outlook.de outlook.dk
outlook.es outlook.fr outlook.ie outlook.in outlook.it outlook.jp outlook.pt live.com live.ca live.cn live.co.uk
live.com.au live.com.mx live.de live.dk live.fr live.ie live.it live.nl live.no live.se msn.com passport.com
windowslive.com
icloud.com me.com mac.com aol.com aol.co.uk aol.de aol.fr aim.com love.com verizon.net
proton.me protonmail.com protonmail.ch pm.me tutanota.com tutanota.de tuta.io tuta.com tutamail.com keemail.me
fastmail.com fastmail.fm hey.com hushmail.com mailfence.com posteo.de posteo.net mailbox.org runbox.com
zoho.com zohomail.com zohomail.eu mail.com email.com usa.com engineer.com consultant.com gmx.com gmx.us gmx.fr gmx.es
gmx.at gmx.ch gmx.de gmx.net gmx.info gmx.org web.de freenet.de t-online.de arcor.de online.de mail.de email.de
vodafone.de kabelmail.de bluewin.ch hispeed.ch sunrise.ch chello.at aon.at
orange.fr wanadoo.fr free.fr laposte.net sfr.fr neuf.fr bbox.fr numericable.fr club-internet.fr aliceadsl.fr
libero.it virgilio.it tiscali.it alice.it tin.it inwind.it iol.it
telefonica.net terra.es movistar.es sapo.pt clix.pt ziggo.nl kpnmail.nl planet.nl home.nl xs4all.nl hetnet.nl
telenet.be skynet.be proximus.be btinternet.com btopenworld.com talktalk.net virginmedia.com ntlworld.com
blueyonder.co.uk tiscali.co.uk eircom.net online.no telia.com bredband.net comhem.se luukku.com suomi24.fi
jubii.dk mail.dk wp.pl o2.pl onet.pl onet.eu op.pl interia.pl interia.eu gazeta.pl tlen.pl vp.pl seznam.cz email.cz
centrum.cz centrum.sk azet.sk atlas.cz volny.cz freemail.hu citromail.hu abv.bg mail.bg
mail.ru bk.ru inbox.ru list.ru internet.ru rambler.ru yandex.ru yandex.com ya.ru ukr.net i.ua meta.ua
comcast.net att.net sbcglobal.net bellsouth.net cox.net charter.net earthlink.net juno.com netzero.net optonline.net
frontier.com frontiernet.net windstream.net centurylink.net rr.com roadrunner.com mindspring.com rogers.com
sympatico.ca shaw.ca telus.net videotron.ca bell.net bigpond.com bigpond.net.au optusnet.com.au iinet.net.au
tpg.com.au xtra.co.nz
qq.com foxmail.com 163.com 126.com yeah.net sina.com sina.cn sohu.com aliyun.com 139.com 189.cn 21cn.com tom.com
naver.com hanmail.net daum.net nate.com docomo.ne.jp ezweb.ne.jp softbank.ne.jp  nifty.com excite.co.jp
rediffmail.com indiatimes.com sify.com uol.com.br bol.com.br terra.com.br ig.com.br globomail.com
prodigy.net.mx walla.co.il
duck.com simplelogin.com anonaddy.com anonaddy.me mozmail.com appleid.com passmail.net passinbox.com slmail.me
aleeas.com 33mail.com
mailinator.com guerrillamail.com 10minutemail.com yopmail.com temp-mail.org trashmail.com maildrop.cc sharklasers.com
"""


def free_mail_domains() -> list[str]:
    """The main providers, and what the setting FREE_MAIL_DOMAINS adds; registrable domains in punycode."""
    return _domains(tuple(settings.FREE_MAIL_DOMAINS))


@cache
def _domains(own: tuple[str, ...]) -> list[str]:
    return sorted({site_domain_key(name) for name in (*_WORDS.split(), *own)} - {""})
