using System.Text;
using Sluice.Cli.Input;

namespace Sluice.Cli.Tests.Input;

public sealed class LineReaderTests
{
    private const int Max = LineReader.MaxLineLength;

    [Theory]
    [InlineData("", "")]
    [InlineData("a", "a")]
    [InlineData("a\n", "a")]
    [InlineData("a\n\nb", "a||b")]
    [InlineData("a\r\nb\r\n", "a|b")]
    [InlineData("\n", "")]
    [InlineData("a\rb\nc\r", "a\rb|c")]
    [InlineData("\uFEFFa\nb\n", "a|b")]
    [InlineData("\uFEFF", "")]
    [InlineData("a\n\uFEFFb", "a|\uFEFFb")]
    public async Task Lines_are_the_same_wherever_the_stream_is_cut(string text, string lines)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        string expected = text is "" or "\uFEFF" ? "" : lines + "|";
        for (int first = 1; first <= Math.Max(1, bytes.Length); first++)
        {
            for (int second = 1; second <= Math.Max(1, bytes.Length); second++)
                Assert.Equal(expected, await ReadAsync(new ChoppedStream(bytes, first, second)));
        }
    }

    // Memory would grow with the longest line, and a log without line ends would be read whole.
    [Theory]
    [InlineData(Max - 1)]
    [InlineData(Max)]
    [InlineData(Max + 1)]
    [InlineData(Max + 2)]
    [InlineData(4 * Max)]
    [InlineData(20 * Max)]
    public async Task A_line_that_is_too_long_is_given_once_and_cut(int length)
    {
        foreach (string end in new[] { "", "\n", "\r\n", "\nnext", "\r\nnext\n" })
        {
            foreach (int piece in new[] { 1000, Max, Max + 1, 1 << 20 })
            {
                byte[] bytes = Encoding.UTF8.GetBytes(new string('x', length) + end);
                string first = length <= Max ? new string('x', length) + "|" : $"!{Max}|";
                Assert.Equal(first + (end.Contains("next", StringComparison.Ordinal) ? "next|" : ""), await ReadAsync(new ChoppedStream(bytes, piece)));
            }
        }
    }

    [Fact]
    public async Task Lines_are_numbered_from_one_with_the_long_and_the_empty_ones()
    {
        LineReader reader = new(new ChoppedStream(Encoding.UTF8.GetBytes("a\n\n" + new string('x', 3 * Max) + "\nb"), 777));
        List<string> seen = [];
        while (await reader.FillAsync(CancellationToken.None))
        {
            while (reader.TryRead(out ReadOnlySpan<byte> line) is var outcome and not LineOutcome.NeedsBytes)
                seen.Add($"{reader.LineNumber}:{outcome}:{line.Length}");
        }

        Assert.Equal(["1:Line:1", "2:Line:0", $"3:TooLong:{Max}", "4:Line:1"], seen);
    }

    private static async Task<string> ReadAsync(Stream stream)
    {
        LineReader reader = new(stream);
        StringBuilder seen = new();
        while (await reader.FillAsync(CancellationToken.None))
        {
            while (reader.TryRead(out ReadOnlySpan<byte> line) is var outcome and not LineOutcome.NeedsBytes)
                seen.Append(outcome == LineOutcome.TooLong ? $"!{line.Length}" : Encoding.UTF8.GetString(line)).Append('|');
        }

        return seen.ToString();
    }
}
