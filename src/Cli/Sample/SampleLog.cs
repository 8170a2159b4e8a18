using System.Globalization;
using System.Text;
using Sluice.Cli.Input;

namespace Sluice.Cli.Sample;

/// <summary>
/// A combined access log of a small website, made as it is read: visitors come and go, read a few articles with everything that belongs to them, and
/// come back; there are crawlers, probes and errors, lines are slightly out of order as in logs that are written when a response ends, and about
/// one line in twenty thousand is cut off. The same seed and length give the same bytes.
/// </summary>
internal sealed class SampleLog(ulong seed, long lines) : ReadOnlyStream
{
    public const long DefaultLines = 100_000;
    public const int DefaultSeed = 1;
    private const int ActiveVisits = 64;

    private static readonly DateTime Begin = new(2026, 1, 5, 6, 0, 0, DateTimeKind.Utc);

    private readonly Visit[] _active = new Visit[ActiveVisits];
    private readonly StringBuilder _text = new();
    private SampleRandom _random = new(seed);
    private long _left = lines;
    private int _visitors;
    private double _seconds;
    private ReadOnlyMemory<byte> _unread;

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (_unread.IsEmpty && _left > 0)
        {
            _text.Clear();
            for (int i = 0; i < 256 && _left > 0; i++, _left--)
                AppendLine();
            _unread = Encoding.ASCII.GetBytes(_text.ToString());
        }

        int read = Math.Min(buffer.Length, _unread.Length);
        _unread[..read].CopyTo(buffer);
        _unread = _unread[read..];
        return ValueTask.FromResult(read);
    }

    private void AppendLine()
    {
        // A day has a tide: six times as many requests at its height as at its ebb.
        double tide = 1 + (0.7 * Math.Sin(2 * Math.PI * _seconds / 86_400));
        _seconds += -Math.Log(1 - _random.Unit()) * 0.9 / tide;

        ref Visit visit = ref _active[_random.Below(ActiveVisits)];
        if (visit.PagesLeft == 0 && visit.AssetsLeft == 0)
            visit = NewVisit();
        int start = _text.Length;
        AppendRequest(ref visit);
        if (_random.OneIn(20_000))
            _text.Length = start + ((_text.Length - start) / 3);
        _text.Append('\n');
    }

    private Visit NewVisit()
    {
        bool known = _visitors > 20 && _random.Unit() < 0.6;
        double popularity = _random.Unit();
        int visitor = known ? (int)(_visitors * popularity * popularity * popularity) : _visitors++;
        ulong person = SampleRandom.Mix((ulong)visitor + (seed << 20));
        return new Visit
        {
            Address = person,
            IsCrawler = person % 11 == 0,
            Agent = person % 11 == 0 ? SampleSite.Crawlers[(int)(person >> 8) & 1] : SampleSite.Agents[(int)((person >> 8) % (ulong)SampleSite.Agents.Length)],
            PagesLeft = 1 + _random.Below(person % 11 == 0 ? 40 : 7),
            Referrer = _random.OneIn(3) ? SampleSite.Searches[_random.Below(SampleSite.Searches.Length)] : "-",
        };
    }

    private void AppendRequest(ref Visit visit)
    {
        string path, method = "GET", referrer = visit.Referrer;
        int status = 200;
        if (visit.AssetsLeft > 0)
        {
            visit.AssetsLeft--;
            path = SampleSite.Asset(visit.Article, visit.AssetsLeft);
            referrer = "https://www.example.org" + SampleSite.Article(visit.Article);
            if (_random.OneIn(4))
                status = 304;
        }
        else
        {
            visit.PagesLeft--;
            double popularity = _random.Unit();
            visit.Article = (int)(SampleSite.Articles * popularity * popularity);
            path = SampleSite.Article(visit.Article);
            if (_random.OneIn(40))
                (path, status) = (SampleSite.Probes[_random.Below(SampleSite.Probes.Length)], 404);
            else if (_random.OneIn(50))
                (path, status) = (path.TrimEnd('/'), 301);
            else if (_random.OneIn(400))
                status = 500 + _random.Below(4);
            else if (_random.OneIn(60))
                (path, method) = ("/search/?q=" + visit.Article.ToString(CultureInfo.InvariantCulture), "POST");
            if (status == 200 && !visit.IsCrawler)
                visit.AssetsLeft = 3 + _random.Below(4);
            visit.Referrer = "https://www.example.org" + path;
        }

        long seconds = (long)_seconds - (_random.OneIn(3) ? _random.Below(4) : 0);
        long size = status switch { 200 => SampleSite.SizeOf(path), 304 => -1, 301 => 185, 404 => 1245, _ => 612 };
        ulong address = visit.Address;
        _text.Append(CultureInfo.InvariantCulture, $"{11 + ((address >> 24) % 200)}.{(address >> 16) & 255}.{(address >> 32) & 255}.{1 + (address % 254)}");
        _text.Append(CultureInfo.InvariantCulture, $" - - [{Begin.AddSeconds(seconds):dd'/'MMM'/'yyyy':'HH':'mm':'ss} +0000] ");
        _text.Append(CultureInfo.InvariantCulture, $"\"{method} {path} HTTP/1.1\" {status} ");
        if (size < 0)
            _text.Append('-');
        else
            _text.Append(size);
        _text.Append(" \"").Append(referrer).Append("\" \"").Append(visit.Agent).Append('"');
    }

    private struct Visit
    {
        public ulong Address;
        public bool IsCrawler;
        public string Agent;
        public string Referrer;
        public int PagesLeft;
        public int AssetsLeft;
        public int Article;
    }
}
