namespace Sluice.Cli.Sample;

/// <summary>The website that the sample log is of: its pages, what each page loads, and who comes.</summary>
internal static class SampleSite
{
    private static readonly string[] Topics =
        ["backpressure", "leases", "fencing", "exactly-once", "hot-keys", "windows", "sketches", "replicas", "clocks", "idempotency", "eviction", "queues"];

    private static readonly string[] Kinds = ["guide", "notes", "paper", "talk", "faq"];

    public static readonly string[] Agents =
    [
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15",
        "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1",
        "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36",
    ];

    public static readonly string[] Crawlers =
    [
        "Mozilla/5.0 (compatible; ExampleBot/2.1; +http://bot.example/about)",
        "FeedReader/4.0 (+http://reader.example; 12 subscribers)",
    ];

    public static readonly string[] Searches =
        ["https://search.example/?q=sluice", "https://search.example/?q=exactly+once+counting", "https://news.example/item?id=41"];

    public static readonly string[] Probes = ["/wp-login.php", "/.env", "/admin/", "/phpmyadmin/index.php", "/old/archive.zip"];

    /// <summary>The number of articles, the most read first.</summary>
    public static int Articles => Topics.Length * Kinds.Length;

    public static string Article(int index) => $"/{Kinds[index / Topics.Length % Kinds.Length]}/{Topics[index % Topics.Length]}/";

    /// <summary>What a browser loads with an article: some of it is the same everywhere.</summary>
    public static string Asset(int article, int index) => index switch
    {
        0 => "/assets/site.css",
        1 => "/assets/site.js",
        2 => "/favicon.ico",
        _ => $"/assets/{Topics[article % Topics.Length]}-{index - 2}.png",
    };

    /// <summary>The size of a page is a property of the page.</summary>
    public static long SizeOf(string path)
    {
        ulong hash = 14695981039346656037;
        foreach (char c in path)
            hash = (hash ^ c) * 1099511628211;
        double spread = (SampleRandom.Mix(hash) >> 11) * (1.0 / (1UL << 53));
        double size = path.EndsWith(".png", StringComparison.Ordinal) ? 30_000 * Math.Exp(2.2 * spread)
            : path.EndsWith('/') ? 4_000 * Math.Exp(1.8 * spread)
            : 900 * Math.Exp(3 * spread);
        return (long)size;
    }
}
