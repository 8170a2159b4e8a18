using System.Globalization;
using System.IO.Compression;
using System.Text.RegularExpressions;

namespace Sluice.Cli.Tests.Sessions;

/// <summary>One line as the tests read it: with a regular expression, so that the tool's parser has a witness that shares nothing with it.</summary>
internal sealed partial record LogHit(string Client, DateTimeOffset Time, string Page, int Status, long Bytes, int Line)
{
    [GeneratedRegex("""^(?<client>\S+) \S+ \S+ \[(?<time>[^\]]+)\] "\S+ (?<page>.*?) HTTP/[0-9.]+" (?<status>[0-9]{3}) (?<bytes>[0-9]+|-)( |$)""", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Combined { get; }

    public static LogHit? TryParse(string line, int number)
    {
        Match match = Combined.Match(line);
        return !match.Success ? null : new LogHit(
            match.Groups["client"].Value,
            DateTimeOffset.ParseExact(match.Groups["time"].Value, "dd/MMM/yyyy:HH:mm:ss zzz", CultureInfo.InvariantCulture),
            match.Groups["page"].Value,
            int.Parse(match.Groups["status"].Value, CultureInfo.InvariantCulture),
            match.Groups["bytes"].Value == "-" ? 0 : long.Parse(match.Groups["bytes"].Value, CultureInfo.InvariantCulture),
            number);
    }

    public static List<LogHit> ReadAll(IEnumerable<string> lines) =>
        lines.Select(static (line, index) => TryParse(line, index + 1)).OfType<LogHit>().ToList();
}

/// <summary>The real access log that the tests share; it is not part of the repository.</summary>
internal static class SharedLog
{
    private static readonly Lazy<string?> Found = new(() =>
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            string file = Path.Combine(folder.FullName, "shared", "data", "apache_access.log.gz");
            if (File.Exists(file))
                return file;
        }

        return null;
    });

    /// <summary>The file's path; the test is skipped, and says so, when there is none.</summary>
    public static string FilePath
    {
        get
        {
            Assert.SkipWhen(Found.Value is null, "shared/data/apache_access.log.gz is not beside this repository");
            return Found.Value!;
        }
    }

    public static List<LogHit> Hits()
    {
        using StreamReader reader = new(new GZipStream(File.OpenRead(FilePath), CompressionMode.Decompress), System.Text.Encoding.Latin1);
        return LogHit.ReadAll(reader.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }
}
