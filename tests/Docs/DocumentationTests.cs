using System.Reflection;
using System.Text.RegularExpressions;
using Xunit;

namespace Sluice.Docs.Tests;

/// <summary>What the pages say in C# is what the tests beside this one compile and run.</summary>
public sealed partial class DocumentationTests
{
    internal static readonly string Root = typeof(DocumentationTests).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
        .Single(static metadata => metadata.Key == "RepositoryRoot").Value!;

    private static readonly string[][] Snippets =
        [.. Directory.GetFiles(Path.Combine(Root, "tests", "Docs", "Snippets"), "*.cs").Select(static file => Lines(File.ReadAllLines(file)))];

    /// <summary>The readmes, of the repository and of the packages, and every page.</summary>
    public static TheoryData<string> Pages =>
        [.. Directory.GetFiles(Path.Combine(Root, "docs"), "*.md").Append(Path.Combine(Root, "README.md"))
            .Concat(Directory.GetDirectories(Path.Combine(Root, "src")).Select(static folder => Path.Combine(folder, "README.md")).Where(File.Exists)).Where(static file => Blocks(file).Any()).Select(static file => Path.GetRelativePath(Root, file)).Order(StringComparer.Ordinal)];

    // Prevents: an example that was right once. Comments at the ends of lines are the page's own; lines in a row have to be in a row.
    [Theory]
    [MemberData(nameof(Pages))]
    public void Every_line_of_code_on_a_page_is_compiled_and_run(string page)
    {
        List<string> missing = [];
        foreach (string[] block in Blocks(Path.Combine(Root, page)))
        {
            foreach (string[] paragraph in Paragraphs(block))
            {
                if (!Snippets.Any(snippet => Contains(snippet, paragraph)))
                    missing.Add(string.Join('\n', paragraph));
            }
        }

        Assert.True(missing.Count == 0, $"{page} has code that no test runs:\n\n{string.Join("\n\n", missing)}\n\nPut it into a test in tests/Docs/Snippets.");
    }

    // Prevents: a check that finds nothing to check.
    [Fact]
    public void There_are_pages_with_code() => Assert.True(Pages.Count > 5);

    // Prevents: a page that nobody finds, and a link to a page that has moved.
    [Fact]
    public void Every_page_is_linked_from_the_readme_and_every_link_leads_to_a_file()
    {
        string readme = File.ReadAllText(Path.Combine(Root, "README.md"));
        List<string> faults = [.. Directory.GetFiles(Path.Combine(Root, "docs"), "*.md").Select(Path.GetFileName).Where(page => !readme.Contains($"docs/{page}", StringComparison.Ordinal)).Select(static page => $"README.md does not link docs/{page}.")];
        foreach (string file in Directory.GetFiles(Path.Combine(Root, "docs"), "*.md", SearchOption.AllDirectories).Append(Path.Combine(Root, "README.md")).Append(Path.Combine(Root, "samples", "README.md")).Append(Path.Combine(Root, "CHANGELOG.md")))
        {
            foreach (string target in Links(File.ReadAllText(file)))
            {
                string path = target.Split('#')[0];
                if (path.Length > 0 && !Path.Exists(Path.Combine(Path.GetDirectoryName(file)!, path)))
                    faults.Add($"{Path.GetRelativePath(Root, file)} links {target}, which is not there.");
            }
        }

        Assert.True(faults.Count == 0, string.Join('\n', faults));
    }

    private static IEnumerable<string> Links(string text)
    {
        for (int at = text.IndexOf("](", StringComparison.Ordinal); at >= 0; at = text.IndexOf("](", at + 2, StringComparison.Ordinal))
        {
            string target = text[(at + 2)..text.IndexOf(')', at)];
            if (!target.Contains("://", StringComparison.Ordinal) && !target.Contains(' ', StringComparison.Ordinal))
                yield return target;
        }
    }

    private static IEnumerable<string[]> Blocks(string file)
    {
        List<string>? block = null;
        foreach (string line in File.ReadAllLines(file))
        {
            if (line.Trim() == "```csharp")
            {
                block = [];
            }
            else if (block is not null && line.Trim() == "```")
            {
                yield return [.. block];
                block = null;
            }
            else
            {
                block?.Add(line);
            }
        }
    }

    private static IEnumerable<string[]> Paragraphs(string[] block)
    {
        List<string> paragraph = [];
        foreach (string line in block.Append(""))
        {
            if (line.Trim().Length > 0)
            {
                paragraph.Add(line);
                continue;
            }

            if (Lines([.. paragraph]) is { Length: > 0 } lines)
                yield return lines;
            paragraph = [];
        }
    }

    /// <summary>Without comments, indentation and empty lines, and whatever the server is called.</summary>
    private static string[] Lines(string[] lines) => [.. lines.Select(static line => Code(line)).Where(static line => line.Length > 0)];

    private static string Code(string line)
    {
        int comment = line.TrimStart().StartsWith("//", StringComparison.Ordinal) ? 0 : line.IndexOf(" //", StringComparison.Ordinal);
        if (comment >= 0)
            line = line[..comment];
        return Address().Replace(string.Join(' ', line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)), "ADDRESS");
    }

    /// <summary>A page names servers; a test has its own.</summary>
    [GeneratedRegex("\"redis://[^\"]*\"|\\w+\\.Url")]
    private static partial Regex Address();

    private static bool Contains(string[] snippet, string[] paragraph)
    {
        for (int start = 0; start + paragraph.Length <= snippet.Length; start++)
        {
            if (snippet.AsSpan(start, paragraph.Length).SequenceEqual(paragraph))
                return true;
        }

        return false;
    }
}
