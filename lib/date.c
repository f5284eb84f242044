#include "date.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "parse.h"

/* 11 digits, which is what a queue file's name holds. */
#define TIME_MAX 99999999999

static const char days[] = "SunMonTueWedThuFriSat";
static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

/* A time that has no calendar form is shown as the epoch. */
static struct tm
broken_down(time_t t, struct tm *(*convert)(const time_t *, struct tm *))
{
	struct tm tm;
	time_t epoch = 0;

	if (t < 0 || t > TIME_MAX || !convert(&t, &tm))
		gmtime_r(&epoch, &tm);
	return tm;
}

void
date_rfc5322(time_t t, char out[DATE_MAX])
{
	struct tm tm = broken_down(t, localtime_r);
	long zone = tm.tm_gmtoff / 60;
	unsigned minutes = (unsigned)(zone < 0 ? -zone : zone) % 6000;

	snprintf(out, DATE_MAX, "%.3s, %d %.3s %d %02d:%02d:%02d %c%02u%02u",
	    days + 3 * tm.tm_wday, tm.tm_mday, months + 3 * tm.tm_mon,
	    tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec,
	    zone < 0 ? '-' : '+', minutes / 60, minutes % 60);
}

void
date_asctime(time_t t, char out[DATE_MAX])
{
	struct tm tm = broken_down(t, gmtime_r);

	snprintf(out, DATE_MAX, "%.3s %.3s %2d %02d:%02d:%02d %d",
	    days + 3 * tm.tm_wday, months + 3 * tm.tm_mon, tm.tm_mday,
	    tm.tm_hour, tm.tm_min, tm.tm_sec, tm.tm_year + 1900);
}

void
date_iso8601(time_t t, char out[DATE_MAX])
{
	struct tm tm = broken_down(t, gmtime_r);

	snprintf(out, DATE_MAX, "%04d-%02d-%02dT%02d:%02d:%02dZ",
	    tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
	    tm.tm_sec);
}

/* n digits at *s, from min to max, which it steps over. */
static int
take(const char **s, size_t n, int min, int max, int *out)
{
	uint64_t value;

	if (strnlen(*s, n) < n || parse_digits(*s, n, (uint64_t)max, &value))
		return -1;
	*s += n;
	*out = (int)value;
	return *out < min ? -1 : 0;
}

static bool
skip(const char **s, char c)
{
	if (**s != c)
		return false;
	(*s)++;
	return true;
}

static int
take_clock(const char **s, bool seconds, struct tm *tm)
{
	if (take(s, 2, 0, 23, &tm->tm_hour) < 0 || !skip(s, ':') ||
	    take(s, 2, 0, 59, &tm->tm_min) < 0)
		return -1;
	if (seconds && skip(s, ':'))
		return take(s, 2, 0, 59, &tm->tm_sec);
	return 0;
}

static int
next_clock(const char *s, time_t now, time_t *out)
{
	struct tm tm;

	if (!localtime_r(&now, &tm))
		return -1;
	tm.tm_sec = 0;
	if (take_clock(&s, false, &tm) < 0 || *s)
		return -1;
	tm.tm_isdst = -1;
	*out = mktime(&tm);
	if (*out <= now) {
		tm.tm_mday++;
		tm.tm_isdst = -1;
		*out = mktime(&tm);
	}
	return 0;
}

static int
calendar(const char *s, time_t *out)
{
	struct tm tm = {.tm_isdst = -1};
	int day, month;
	time_t t;
	bool utc;

	if (take(&s, 4, 1970, 9999, &tm.tm_year) < 0 || !skip(&s, '-') ||
	    take(&s, 2, 1, 12, &month) < 0 || !skip(&s, '-') ||
	    take(&s, 2, 1, 31, &day) < 0)
		return -1;
	if (skip(&s, 'T') && take_clock(&s, true, &tm) < 0)
		return -1;
	utc = skip(&s, 'Z');
	tm.tm_year -= 1900;
	tm.tm_mon = month - 1;
	tm.tm_mday = day;
	t = utc ? timegm(&tm) : mktime(&tm);
	if (*s || t < 0 || t > TIME_MAX || tm.tm_mday != day)
		return -1;
	*out = t;
	return 0;
}

int
date_parse(const char *s, time_t now, time_t *out)
{
	uint64_t n;

	if (*s == '@') {
		if (parse_number(s + 1, TIME_MAX, &n) < 0)
			return -1;
		*out = (time_t)n;
		return 0;
	}
	if (*s == '+') {
		if (parse_duration(s + 1, &n) < 0 || n > TIME_MAX ||
		    (time_t)n > TIME_MAX - now)
			return -1;
		*out = now + (time_t)n;
		return 0;
	}
	if (strlen(s) == 5 && s[2] == ':')
		return next_clock(s, now, out);
	return calendar(s, out);
}

/* "+0130" as seconds. */
static int
take_zone(const char **s, long *out)
{
	bool west = **s == '-';
	int hours, minutes;

	if ((!skip(s, '+') && !skip(s, '-')) || take(s, 2, 0, 23, &hours) < 0 ||
	    take(s, 2, 0, 59, &minutes) < 0)
		return -1;
	*out = (west ? -60L : 60L) * (hours * 60 + minutes);
	return 0;
}

static int
take_month(const char **s, int *out)
{
	for (int i = 0; i < 12; i++)
		if (strncasecmp(*s, months + 3 * i, 3) == 0) {
			*s += 3;
			*out = i;
			return 0;
		}
	return -1;
}

int
date_internal(const char *s, time_t *out)
{
	struct tm tm = {0};
	long zone;
	time_t t;

	if (take(&s, skip(&s, ' ') || (*s && s[1] == '-') ? 1 : 2, 1, 31,
		&tm.tm_mday) < 0 ||
	    !skip(&s, '-') || take_month(&s, &tm.tm_mon) < 0 ||
	    !skip(&s, '-') || take(&s, 4, 1900, 9999, &tm.tm_year) < 0 ||
	    !skip(&s, ' ') || take_clock(&s, true, &tm) < 0 || !skip(&s, ' ') ||
	    take_zone(&s, &zone) < 0 || *s)
		return -1;
	tm.tm_year -= 1900;
	t = timegm(&tm) - zone;
	if (t < 0 || t > TIME_MAX)
		return -1;
	*out = t;
	return 0;
}
