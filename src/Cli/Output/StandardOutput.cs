using Microsoft.Win32.SafeHandles;

namespace Sluice.Cli.Output;

/// <summary>Standard output as bytes.</summary>
internal static class StandardOutput
{
    private const int Descriptor = 1;

    /// <summary>Opens it.</summary>
    /// <remarks>
    /// The runtime's console stream swallows what a closed pipe does not take, so that sessions would be counted as written that nobody got; a stream
    /// over the descriptor reports it. A file is left to the console stream: positioned writes would not move the offset that the shell's next command
    /// goes on from.
    /// </remarks>
    public static Stream Open()
    {
        if (OperatingSystem.IsWindows())
            return Console.OpenStandardOutput();
        FileStream raw = new(new SafeFileHandle(Descriptor, ownsHandle: false), FileAccess.Write, bufferSize: 0);
        if (!raw.CanSeek)
            return raw;
        raw.Dispose();
        return Console.OpenStandardOutput();
    }
}
