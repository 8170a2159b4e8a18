using System.Buffers.Binary;
using System.IO.Compression;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Xml.Linq;
using Xunit;

namespace Sluice.Packages.Tests;

[Collection(PackedFixture.Once)]
public sealed class PackageTests(PackedFixture packed)
{
    // What a feed shows of a package, and what it refuses a package for, is in it: each has a readme of its own, which begins with its name.
    [Theory]
    [InlineData("Sluice", "lib/net10.0/Sluice.dll", "# Sluice\n")]
    [InlineData("Sluice.Resp", "lib/net10.0/Sluice.Resp.dll", "# Sluice.Resp\n")]
    [InlineData("Sluice.Hosting", "lib/net10.0/Sluice.Hosting.dll", "# Sluice.Hosting\n")]
    [InlineData("Sluice.Testing", "lib/net10.0/Sluice.Testing.dll", "# Sluice.Testing\n")]
    [InlineData("Sluice.Cli", "tools/net10.0/any/Sluice.Cli.dll", "# The sluice command\n")]
    public void A_package_has_its_assembly_its_readme_its_icon_its_licence_and_its_symbols(string id, string assembly, string title)
    {
        using ZipArchive package = Open($"{id}.*.nupkg");
        XElement metadata = Metadata(package);
        using ZipArchive symbols = Open($"{id}.*.snupkg");

        Assert.NotNull(package.GetEntry(assembly));
        Assert.StartsWith(title, Read(package, "README.md"), StringComparison.Ordinal);
        Assert.Equal("icon.png", Value(metadata, "icon"));
        AssertIsIcon(Copy(package, "icon.png").ToArray());
        Assert.Equal("MIT", Value(metadata, "license"));
        Assert.NotNull(package.GetEntry(Path.ChangeExtension(assembly, ".xml")));
        Assert.Equal("README.md", Value(metadata, "readme"));
        Assert.NotEmpty(Value(metadata, "description"));
        Assert.NotNull(symbols.GetEntry(Path.ChangeExtension(assembly, ".pdb")));
    }

    // Without the generator in it, [Aggregate] is an attribute that does nothing, and only in the package: project references hide it.
    [Fact]
    public void The_engine_brings_its_generator_its_documentation_and_only_the_dependencies_that_it_names()
    {
        using ZipArchive package = Open("Sluice.*.nupkg");

        Assert.NotNull(package.GetEntry("analyzers/dotnet/cs/Sluice.Generators.dll"));
        Assert.NotNull(package.GetEntry("lib/net10.0/Sluice.xml"));
        Assert.Equal(["Sluice.Resp", "Microsoft.Extensions.Caching.Abstractions", "Microsoft.Extensions.Logging.Abstractions"], Dependencies(package));
    }

    [Fact]
    public void The_client_depends_on_nothing()
    {
        using ZipArchive package = Open("Sluice.Resp.*.nupkg");

        Assert.Empty(Dependencies(package));
    }

    // It reaches into the engine: with an engine of another version a test would fail for a reason that nobody understands.
    [Fact]
    public void The_testing_package_asks_for_the_engine_of_its_own_version_and_no_other()
    {
        using ZipArchive package = Open("Sluice.Testing.*.nupkg");

        XElement metadata = Metadata(package);
        XElement dependency = metadata.Descendants().Single(static element => element.Name.LocalName is "dependency");
        Assert.Equal(("Sluice", $"[{Value(metadata, "version")}]"), (dependency.Attribute("id")!.Value, dependency.Attribute("version")!.Value));
    }

    [Fact]
    public void The_tool_is_called_sluice()
    {
        using ZipArchive package = Open("Sluice.Cli.*.nupkg");

        XElement command = XDocument.Parse(Read(package, "tools/net10.0/any/DotnetToolSettings.xml")).Descendants("Command").Single();
        Assert.Equal("sluice", command.Attribute("Name")!.Value);
        Assert.Equal("Sluice.Cli.dll", command.Attribute("EntryPoint")!.Value);
    }

    // Internal things of the house (harness, benchmarks) must not be published by accident.
    [Fact]
    public void Nothing_else_is_packed()
    {
        IEnumerable<string> ids = Directory.GetFiles(packed.Folder, "*.nupkg").Select(file =>
        {
            using ZipArchive package = ZipFile.OpenRead(file);
            return Value(Metadata(package), "id");
        });

        Assert.Equal(["Sluice", "Sluice.Cli", "Sluice.Hosting", "Sluice.Resp", "Sluice.Testing"], ids.Order(StringComparer.Ordinal));
    }

    // A debugger refuses symbols that are not the assembly's own, and only a deterministic build can be compared with a rebuild.
    [Theory]
    [InlineData("Sluice", "lib/net10.0/Sluice")]
    [InlineData("Sluice.Resp", "lib/net10.0/Sluice.Resp")]
    [InlineData("Sluice.Hosting", "lib/net10.0/Sluice.Hosting")]
    [InlineData("Sluice.Testing", "lib/net10.0/Sluice.Testing")]
    public void Symbols_belong_to_the_assembly_which_was_built_deterministically(string id, string path)
    {
        using ZipArchive package = Open($"{id}.*.nupkg"), symbols = Open($"{id}.*.snupkg");
        using PEReader assembly = new(Copy(package, path + ".dll"));
        using MetadataReaderProvider pdb = MetadataReaderProvider.FromPortablePdbStream(Copy(symbols, path + ".pdb"));

        Assert.Contains(assembly.ReadDebugDirectory(), entry => entry.Type == DebugDirectoryEntryType.Reproducible);
        DebugDirectoryEntry codeView = assembly.ReadDebugDirectory().Single(entry => entry.Type == DebugDirectoryEntryType.CodeView);
        BlobContentId pdbId = new(pdb.GetMetadataReader().DebugMetadataHeader!.Id);
        Assert.Equal(assembly.ReadCodeViewDebugDirectoryData(codeView).Guid, pdbId.Guid);
    }

    /// <summary>Feeds want a PNG of 128 pixels each way, and not a large one.</summary>
    private static void AssertIsIcon(byte[] file)
    {
        Assert.Equal([0x89, (byte)'P', (byte)'N', (byte)'G'], file[..4]);
        Assert.Equal((128, 128), (BinaryPrimitives.ReadInt32BigEndian(file.AsSpan(16)), BinaryPrimitives.ReadInt32BigEndian(file.AsSpan(20))));
        Assert.InRange(file.Length, 100, 100_000);
    }

    private static XElement Metadata(ZipArchive package)
    {
        ZipArchiveEntry nuspec = package.Entries.Single(entry => entry.FullName.EndsWith(".nuspec", StringComparison.Ordinal));
        return XDocument.Parse(Read(package, nuspec.FullName)).Root!.Elements().Single(element => element.Name.LocalName is "metadata");
    }

    private static string Value(XElement metadata, string name) =>
        metadata.Elements().SingleOrDefault(element => string.Equals(element.Name.LocalName, name, StringComparison.Ordinal))?.Value ?? "";

    private static IEnumerable<string> Dependencies(ZipArchive package) =>
        Metadata(package).Descendants().Where(element => element.Name.LocalName is "dependency").Select(element => element.Attribute("id")!.Value);

    private static string Read(ZipArchive package, string entry)
    {
        using StreamReader reader = new(Copy(package, entry));
        return reader.ReadToEnd();
    }

    private static MemoryStream Copy(ZipArchive package, string entry)
    {
        using Stream stream = (package.GetEntry(entry) ?? throw new InvalidOperationException($"The package has no {entry}.")).Open();
        MemoryStream copy = new();
        stream.CopyTo(copy);
        copy.Position = 0;
        return copy;
    }

    private ZipArchive Open(string pattern)
    {
        // "Sluice.*" must not find "Sluice.Resp.0.1.0.nupkg": the version begins with a digit.
        string prefix = pattern[..(pattern.IndexOf('*', StringComparison.Ordinal))];
        return ZipFile.OpenRead(Directory.GetFiles(packed.Folder, pattern).Single(file => char.IsAsciiDigit(Path.GetFileName(file)[prefix.Length])));
    }
}
