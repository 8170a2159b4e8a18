using Sluice.Cli.Input;

namespace Sluice.Cli.Tests.Input;

public sealed class LogTextTests
{
    // With one replacement mark for all of them, two visitors would be one.
    [Fact]
    public void Bytes_that_are_not_text_stay_apart()
    {
        Assert.Equal("a\\xFFb", LogText.Of([(byte)'a', 0xFF, (byte)'b']));
        Assert.Equal("a\\xFEb", LogText.Of([(byte)'a', 0xFE, (byte)'b']));
        Assert.Equal("\\xE2\\x82", LogText.Of([0xE2, 0x82]));
        Assert.Equal("é€😀", LogText.Of("é€😀"u8));
    }

    // A log is written by strangers: what it makes the terminal do is theirs to choose.
    [Fact]
    public void An_excerpt_cannot_drive_the_terminal()
    {
        string excerpt = LogText.Excerpt("\e[2J\a\u0085\u202Eevil"u8, 60);
        Assert.DoesNotContain(excerpt, char.IsControl);
        Assert.DoesNotContain('\u202E', excerpt);
        Assert.EndsWith("evil", excerpt, StringComparison.Ordinal);
        Assert.Equal("aaaa…", LogText.Excerpt("aaaaaaaa"u8, 4));
    }
}
